// npm's `consul`, 2.0.1 and 0.40.0, against a running agent: node node.js ADDRESS. Prints "N passed, N failed".
'use strict';
const address = process.argv[2];
let passed = 0, failed = 0;

function check(what, ok, seen) {
	if (ok) return void passed++;
	failed++;
	console.log('not ok %s%s', what, seen === undefined ? '' : ': ' + JSON.stringify(seen));
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function until(question, good, seconds) {
	let answer;
	for (let end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) {
		answer = await question();
		if (good(answer)) return answer;
	}
	return answer;
}

async function fails(promise) {
	try {
		await promise;
		return '';
	} catch (e) {
		return String(e.message);
	}
}

async function keys(c, name) {
	const k = (rest) => name + '/' + rest;
	check(name + ' kv.set', await c.kv.set(k('hello'), 'world') === true);
	let one = await c.kv.get(k('hello'));
	check(name + ' kv.get', one.Value === 'world' && one.Key === k('hello') && one.Flags === 0, one);
	check(name + ' kv.get of nothing', await c.kv.get(k('nothing')) === undefined);
	check(name + ' kv.set with flags', await c.kv.set({ key: k('flags'), value: 'v', flags: 42 }) === true);
	check(name + ' flags come back', (await c.kv.get(k('flags'))).Flags === 42);
	await c.kv.set(k('binary'), Buffer.from([0, 255, 10, 128]));
	const raw = await c.kv.get({ key: k('binary'), buffer: true });
	check(name + ' bytes come back', Buffer.from([0, 255, 10, 128]).equals(raw.Value), raw);
	const listed = await c.kv.keys(k(''));
	check(name + ' kv.keys', listed.join() === [k('binary'), k('flags'), k('hello')].join(), listed);
	const all = await c.kv.get({ key: k(''), recurse: true });
	check(name + ' kv.get recurse', all.length === 3, all);

	const old = one.ModifyIndex;
	check(name + ' cas with the index', await c.kv.set({ key: k('hello'), value: 'again', cas: old }) === true);
	check(name + ' cas with an old index', !await c.kv.set({ key: k('hello'), value: 'no', cas: old }));
	check(name + ' cas left it', (await c.kv.get(k('hello'))).Value === 'again');
	check(name + ' cas 0 on a new key', await c.kv.set({ key: k('new'), value: 'x', cas: '0' }) === true);

	await c.kv.del({ key: k('tree'), recurse: true });
	await c.kv.set(k('tree/a'), '1');
	await c.kv.set(k('tree/b'), '2');
	await c.kv.del({ key: k('tree/'), recurse: true });
	check(name + ' kv.del recurse', await c.kv.get(k('tree/a')) === undefined);
	await c.kv.del(k('new'));
	check(name + ' kv.del', await c.kv.get(k('new')) === undefined);
}

async function blocking(c, name) {
	await c.kv.set(name + '/block', '1');
	const index = (await c.kv.get(name + '/block')).ModifyIndex;
	const asked = Date.now();
	const later = c.kv.get({ key: name + '/block', index: String(index), wait: '10s' });
	await sleep(200);
	await c.kv.set(name + '/block', '2');
	const answer = await later;
	check(name + ' a blocking get wakes', answer.Value === '2' && Date.now() - asked < 3000, answer);
	const idle = Date.now();
	await c.kv.get({ key: name + '/block', index: String(answer.ModifyIndex), wait: '300ms' });
	check(name + ' a blocking get times out', Date.now() - idle >= 290 && Date.now() - idle < 3000, Date.now() - idle);
}

async function sessions(c, name) {
	const mine = (await c.session.create({ name: name, ttl: '15s', behavior: 'delete', lockdelay: '1s' })).ID;
	const other = (await c.session.create()).ID;
	check(name + ' session.create', /^[0-9a-f-]{36}$/.test(mine), mine);
	const key = name + '/lock';
	check(name + ' acquire', await c.kv.set({ key, value: 'me', acquire: mine }) === true);
	check(name + ' acquire by another', !await c.kv.set({ key, value: 'you', acquire: other }));
	check(name + ' the key names its session', (await c.kv.get(key)).Session === mine);
	const got = await c.session.get(mine);
	check(name + ' session.get', (got[0] || got).Name === name, got);
	check(name + ' session.list', (await c.session.list()).some((s) => s.ID === mine));
	check(name + ' session.renew', (await c.session.renew(mine))[0].TTL === '15s');
	check(name + ' release', await c.kv.set({ key, value: 'me', release: mine }) === true);
	check(name + ' acquire after release', await c.kv.set({ key, value: 'you', acquire: other }) === true);
	await c.kv.set({ key, value: 'you', release: other });
	await c.kv.set({ key, value: 'me', acquire: mine });
	await c.session.destroy(mine);
	check(name + ' behavior delete', await c.kv.get(key) === undefined);
	await c.session.destroy(other);
	check(name + ' destroyed', !(await c.session.list()).some((s) => s.ID === mine || s.ID === other));
	check(name + ' a bad ttl', /Session TTL/.test(await fails(c.session.create({ ttl: '1s' }))));
}

async function services(c, name) {
	const service = name + '-web';
	await c.agent.service.register({ name: service, id: service + '1', port: 8080, tags: ['blue'], check: { ttl: '10s' } });
	check(name + ' agent.service.list', (await c.agent.service.list())[service + '1'].Port === 8080);
	let health = await c.health.service({ service, passing: true });
	check(name + ' critical until told', health.length === 0, health);
	await c.agent.check.pass({ id: 'service:' + service + '1' });
	health = await until(() => c.health.service({ service, passing: true }), (h) => h.length === 1, 5);
	check(name + ' passing once told', health.length === 1 && health[0].Service.Tags[0] === 'blue', health);
	await c.agent.check.warn({ id: 'service:' + service + '1', note: 'hm' });
	const checks = await until(() => c.health.checks(service), (h) => h[0].Status === 'warning', 5);
	check(name + ' warning', checks[0].Status === 'warning' && checks[0].Output === 'hm', checks);
	await c.agent.check.fail('service:' + service + '1');
	const critical = await until(() => c.health.state('critical'), (h) => h.some((x) => x.ServiceName === service), 5);
	check(name + ' critical', critical.some((x) => x.ServiceName === service), critical);
	check(name + ' catalog.service.list', (await c.catalog.service.list())[service].join() === 'blue');
	const nodes = await c.catalog.service.nodes({ service, tag: 'blue' });
	check(name + ' catalog.service.nodes', nodes.length === 1 && nodes[0].ServicePort === 8080, nodes);
	check(name + ' catalog.service.nodes of another tag', (await c.catalog.service.nodes({ service, tag: 'red' })).length === 0);
	const node = nodes[0].Node;
	check(name + ' catalog.node.services', (await c.catalog.node.services(node)).Services[service + '1'].ID === service + '1');
	check(name + ' health.node', (await c.health.node(node)).some((x) => x.CheckID === 'serfHealth'));

	await c.agent.service.maintenance({ id: service + '1', enable: true, reason: 'resting' });
	const mine = await c.agent.check.list();
	check(name + ' maintenance', mine['_service_maintenance:' + service + '1'].Notes === 'resting', Object.keys(mine));
	await c.agent.service.maintenance({ id: service + '1', enable: false });
	await c.agent.maintenance({ enable: true });
	check(name + ' maintenance of the node', '_node_maintenance' in await c.agent.check.list());
	await c.agent.maintenance({ enable: false });

	await c.agent.check.register({ name: service + '-lone', ttl: '30s', notes: 'alone' });
	check(name + ' agent.check.register', (await c.agent.check.list())[service + '-lone'].Notes === 'alone');
	await c.agent.check.deregister(service + '-lone');
	check(name + ' agent.check.deregister', !(service + '-lone' in await c.agent.check.list()));
	await c.agent.service.deregister(service + '1');
	const gone = await until(() => c.catalog.service.nodes(service), (n) => n.length === 0, 5);
	check(name + ' deregistered', gone.length === 0, gone);
}

async function watches(c, name) {
	const key = name + '/watched', seen = [];
	const watch = c.watch({ method: c.kv.get, options: { key, wait: '5s' } });
	watch.on('change', (data) => seen.push(data && data.Value));
	watch.on('error', (e) => seen.push('error ' + e.message));
	await until(async () => seen.length, (n) => n > 0, 5);
	await c.kv.set(key, 'one');
	await until(async () => seen.length, (n) => n > 1, 5);
	watch.end();
	check(name + ' watch fires for nothing, then the value', seen.length === 2 && seen[0] === undefined && seen[1] === 'one', seen);
}

async function events(c, name) {
	const fired = await c.event.fire(name + '-deploy', 'payload');
	check(name + ' event.fire', fired.Name === name + '-deploy' && /^[0-9a-f-]{36}$/.test(fired.ID), fired);
	const list = await until(() => c.event.list(name + '-deploy'), (l) => l.length === 1, 5);
	check(name + ' event.list', list.length === 1 && String(list[0].Payload) === 'payload', list);
}

async function about(c, name) {
	check(name + ' status.leader', await c.status.leader() === address + ':8300');
	check(name + ' status.peers', (await c.status.peers()).join() === address + ':8300');
	check(name + ' catalog.datacenters', (await c.catalog.datacenters()).join() === 'dc1');
	check(name + ' catalog.node.list', (await c.catalog.node.list()).length === 1);
	check(name + ' agent.members', (await c.agent.members()).length === 1);
	const self = await c.agent.self();
	check(name + ' agent.self', self.Config.Datacenter === 'dc1' && self.Member.Status === 1, self.Config);
	await c.agent.join({ address });
	await c.agent.forceLeave('nobody');
	check(name + ' join and forceLeave answer', true);
}

async function transactions(c) {
	const value = Buffer.from('in one').toString('base64');
	const done = await c.transaction.create([
		{ KV: { Verb: 'set', Key: 'txn/a', Value: value } },
		{ KV: { Verb: 'get', Key: 'txn/a' } },
	]);
	check('txn results', done.Results.length === 2 && done.Results[1].KV.Value === value, done);
	check('txn is all or nothing', /409|Conflict|conflict/i.test(await fails(c.transaction.create([
		{ KV: { Verb: 'set', Key: 'txn/b', Value: value } },
		{ KV: { Verb: 'cas', Key: 'txn/a', Value: value, Index: 1 } },
	]))));
	check('txn left nothing', await c.kv.get('txn/b') === undefined);
}

async function main() {
	const Now = require('consul'), old = require('consul-old');
	const clients = {
		'consul@2.0.1': new Now({ host: address, port: '8500' }),
		'consul@0.40.0': old({ host: address, port: '8500', promisify: true }),
	};
	for (const [name, c] of Object.entries(clients))
		for (const part of [about, keys, blocking, sessions, services, watches, events])
			await part(c, name).catch((e) => check(name + ' ' + part.name, false, e.stack));
	await transactions(clients['consul@2.0.1']).catch((e) => check('transactions', false, e.stack));
	console.log('%d passed, %d failed', passed, failed);
	process.exit(failed ? 1 : 0);
}

main();
