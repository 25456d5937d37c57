// serf_peer FLAGS: a member of a LAN pool on the real hashicorp/serf and memberlist (Debian's packages), with the tags and the
// guard against other datacenters that a client agent has. Reads commands, answers each with a line of JSON:
//
//	join ADDRESS              how many were reached, or {"error": ...}
//	members                   [{Name, Addr, Port, Status, Tags}]
//	heard                     user events so far, as [name, payload]; one in Consul's form shows the payload in it
//	event NAME PAYLOAD        fires one in Consul's form
//	query N NAME [PAYLOAD]    who acknowledged, and what was answered (base64), when N of both came or two seconds are over
//	keys                      {Keys, NumNodes, NumResp, NumErr}
//	install|use|remove KEY    the same
//	distance NAME             estimated seconds from here to there
//	coordinate [NAME]         our own, or the one that NAME's last answer brought
//	leave                     when gone; the program ends
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-msgpack/codec"
	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/coordinate"
	"github.com/hashicorp/serf/serf"
)

const (
	lanPort   = 8301
	prefix    = "consul:event:"
	queryTime = 2 * time.Second
	build     = "1.0.8:e9ca44d0"
)

var handle = &codec.MsgpackHandle{WriteExt: true}

type consulEvent struct {
	ID      string
	Name    string `codec:"n"`
	Payload []byte `codec:"p,omitempty"`
	Version int    `codec:"v"`
}

type sameDatacenter string

func (dc sameDatacenter) NotifyMerge(members []*serf.Member) error {
	for _, m := range members {
		if m.Tags["dc"] != string(dc) {
			return fmt.Errorf("Member '%s' part of wrong datacenter '%s'", m.Name, m.Tags["dc"])
		}
	}
	return nil
}

type peer struct {
	*serf.Serf
	sync.Mutex
	heard [][2]string
}

func (p *peer) listen(news <-chan serf.Event) {
	for e := range news {
		u, ok := e.(serf.UserEvent)
		if !ok {
			continue
		}
		payload := string(u.Payload)
		if strings.HasPrefix(u.Name, prefix) {
			var inner consulEvent
			if err := codec.NewDecoderBytes(u.Payload, handle).Decode(&inner); err != nil {
				panic(err)
			}
			payload = string(inner.Payload)
		}
		p.Lock()
		p.heard = append(p.heard, [2]string{u.Name, payload})
		p.Unlock()
	}
}

func (p *peer) members() interface{} {
	type member struct {
		Name, Addr string
		Port       uint16
		Status     string
		Tags       map[string]string
	}
	all := []member{}
	for _, m := range p.Members() {
		all = append(all, member{m.Name, m.Addr.String(), m.Port, m.Status.String(), m.Tags})
	}
	return all
}

func (p *peer) event(name, payload string) error {
	var raw []byte
	inner := consulEvent{ID: "b54fe110-7af5-cafc-d1fb-afc8ba432b1c", Name: name, Payload: []byte(payload), Version: 1}
	if err := codec.NewEncoderBytes(&raw, handle).Encode(inner); err != nil {
		return err
	}
	return p.UserEvent(prefix+name, raw, false)
}

func (p *peer) query(n int, name, payload string) (interface{}, error) {
	var got struct {
		Acks    []string
		Answers map[string]string
	}
	got.Answers = map[string]string{}
	q, err := p.Query(name, []byte(payload), &serf.QueryParam{RequestAck: true, Timeout: queryTime})
	if err != nil {
		return nil, err
	}
	acks, answers := q.AckCh(), q.ResponseCh()
	for n > len(got.Acks)+len(got.Answers) && (acks != nil || answers != nil) {
		select {
		case from, open := <-acks:
			if open {
				got.Acks = append(got.Acks, from)
			} else {
				acks = nil
			}
		case r, open := <-answers:
			if open {
				got.Answers[r.From] = base64.StdEncoding.EncodeToString(r.Payload)
			} else {
				answers = nil
			}
		}
	}
	return got, nil
}

func (p *peer) coordinate(of []string) (*coordinate.Coordinate, error) {
	if len(of) == 0 {
		return p.GetCoordinate()
	}
	c, known := p.GetCachedCoordinate(of[0])
	if !known {
		return nil, errors.New("no coordinate of " + of[0])
	}
	return c, nil
}

func (p *peer) distance(name string) (interface{}, error) {
	here, err := p.GetCoordinate()
	if err != nil {
		return nil, err
	}
	there, err := p.coordinate([]string{name})
	if err != nil {
		return nil, err
	}
	return here.DistanceTo(there).Seconds(), nil
}

func (p *peer) keys(verb, key string) (interface{}, error) {
	switch verb {
	case "install":
		return p.KeyManager().InstallKey(key)
	case "use":
		return p.KeyManager().UseKey(key)
	case "remove":
		return p.KeyManager().RemoveKey(key)
	}
	return p.KeyManager().ListKeys()
}

func (p *peer) answer(words []string) (interface{}, error) {
	verb, rest := words[0], append(words[1:], "", "", "")
	switch verb {
	case "join":
		return p.Join([]string{rest[0]}, true)
	case "members":
		return p.members(), nil
	case "heard":
		p.Lock()
		defer p.Unlock()
		return p.heard, nil
	case "event":
		return "ok", p.event(rest[0], rest[1])
	case "query":
		n, err := strconv.Atoi(rest[0])
		if err != nil {
			return nil, err
		}
		return p.query(n, rest[1], rest[2])
	case "keys", "install", "use", "remove":
		return p.keys(verb, rest[0])
	case "distance":
		return p.distance(rest[0])
	case "coordinate":
		return p.coordinate(words[1:])
	case "leave":
		return "gone", p.Leave()
	}
	return nil, errors.New("what?")
}

func main() {
	name := flag.String("name", "", "")
	address := flag.String("address", "", "")
	folder := flag.String("folder", "", "where it remembers whom it met")
	dc := flag.String("dc", "dc1", "")
	id := flag.String("id", "", "")
	key := flag.String("key", "", "base64; none: plain")
	in := flag.Bool("incoming", true, "plain packets are refused")
	out := flag.Bool("outgoing", true, "what is sent is encrypted")
	rejoin := flag.Bool("rejoin", false, "even after a leave")
	flag.Parse()

	news := make(chan serf.Event, 1024)
	c := serf.DefaultConfig()
	c.NodeName = *name
	c.Tags = map[string]string{"role": "node", "dc": *dc, "segment": "", "id": *id, "vsn": "2", "vsn_min": "2", "vsn_max": "3", "build": build}
	c.EventCh = news
	c.Merge = sameDatacenter(*dc)
	c.EnableNameConflictResolution = false
	c.LeavePropagateDelay = 200 * time.Millisecond
	c.SnapshotPath = filepath.Join(*folder, *name+".snapshot")
	c.RejoinAfterLeave = *rejoin
	c.MemberlistConfig = memberlist.DefaultLANConfig()
	c.MemberlistConfig.BindAddr = *address
	c.MemberlistConfig.BindPort = lanPort
	c.MemberlistConfig.AdvertiseAddr = net.ParseIP(*address).String()
	c.MemberlistConfig.AdvertisePort = lanPort
	c.MemberlistConfig.GossipVerifyIncoming = *in
	c.MemberlistConfig.GossipVerifyOutgoing = *out
	if *key != "" {
		raw, err := base64.StdEncoding.DecodeString(*key)
		if err != nil {
			panic(err)
		}
		if c.MemberlistConfig.Keyring, err = memberlist.NewKeyring(nil, raw); err != nil {
			panic(err)
		}
	}
	s, err := serf.Create(c)
	if err != nil {
		panic(err)
	}
	p := &peer{Serf: s}
	go p.listen(news)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		got, err := p.answer(words)
		if err != nil {
			got = map[string]interface{}{"error": err.Error(), "got": got}
		}
		text, err := json.Marshal(got)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(text))
		if words[0] == "leave" {
			return
		}
	}
}
