// raft_peer ID IP:PORT: a server of a Raft group on the real hashicorp/raft (Debian's package), with a state machine that
// knows of Consul's only keys and values. Reads commands, answers each with a line:
//
//	state         role, leader, applied index
//	get KEY       its value, or nothing
//	put KEY VALUE through its own log: "ok" when committed
//	snapshot      "ok" when taken
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-msgpack/codec"
	"github.com/hashicorp/raft"
)

const (
	kvs       = 2 // type of a command and of a record in a snapshot
	raftByte  = 1 // first byte of a connection to 8300
	dialLimit = 2 * time.Second
)

type dirEntry struct {
	Key                                        string
	Value                                      []byte
	Flags, LockIndex, CreateIndex, ModifyIndex uint64
	Session                                    string
}

type kvsRequest struct {
	Datacenter, Op, Token string
	DirEnt                dirEntry
}

func encode(kind byte, v interface{}) []byte {
	buf := bytes.NewBuffer([]byte{kind})
	if err := codec.NewEncoder(buf, &codec.MsgpackHandle{}).Encode(v); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// The state machine.
type keys struct {
	sync.Mutex
	values map[string]dirEntry
}

func (k *keys) Apply(l *raft.Log) interface{} {
	var q kvsRequest
	if len(l.Data) == 0 || l.Data[0] != kvs {
		return nil
	}
	if err := codec.NewDecoderBytes(l.Data[1:], &codec.MsgpackHandle{}).Decode(&q); err != nil {
		return err
	}
	k.Lock()
	defer k.Unlock()
	if q.Op == "set" {
		q.DirEnt.ModifyIndex = l.Index
		k.values[q.DirEnt.Key] = q.DirEnt
	}
	return nil
}

func (k *keys) Restore(r io.ReadCloser) error {
	defer r.Close()
	in := bufio.NewReader(r)
	d := codec.NewDecoder(in, &codec.MsgpackHandle{})
	var header map[string]uint64
	if err := d.Decode(&header); err != nil {
		return err
	}
	k.Lock()
	defer k.Unlock()
	k.values = map[string]dirEntry{}
	for {
		kind, err := in.ReadByte()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		var e dirEntry
		var other interface{}
		if kind == kvs {
			err = d.Decode(&e)
			k.values[e.Key] = e
		} else {
			err = d.Decode(&other)
		}
		if err != nil {
			return err
		}
	}
}

type image []byte

func (k *keys) Snapshot() (raft.FSMSnapshot, error) {
	k.Lock()
	defer k.Unlock()
	last := uint64(1)
	var records []byte
	for _, e := range k.values {
		if e.ModifyIndex > last {
			last = e.ModifyIndex
		}
		records = append(records, encode(kvs, e)...)
	}
	return image(append(encode(0, map[string]uint64{"LastIndex": last})[1:], records...)), nil
}

func (i image) Persist(sink raft.SnapshotSink) error {
	if _, err := sink.Write(i); err != nil {
		sink.Cancel()
		return err
	}
	return sink.Close()
}

func (i image) Release() {}

// The way in and out: a first byte that says Raft.
type layer struct{ net.Listener }

func (l layer) Dial(to raft.ServerAddress, limit time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: dialLimit, LocalAddr: &net.TCPAddr{IP: l.Addr().(*net.TCPAddr).IP}}
	c, err := d.Dial("tcp", string(to))
	if err == nil {
		_, err = c.Write([]byte{raftByte})
	}
	return c, err
}

type opened struct{ net.Conn }

func (l layer) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		var first [1]byte
		if _, err := io.ReadFull(c, first[:]); err == nil && first[0] == raftByte {
			return opened{c}, nil
		}
		c.Close()
	}
}

func answer(r *raft.Raft, k *keys, words []string) (string, error) {
	switch {
	case words[0] == "state":
		return fmt.Sprintf("%s %s %d", r.State(), r.Leader(), r.AppliedIndex()), nil
	case words[0] == "get" && len(words) == 2:
		k.Lock()
		defer k.Unlock()
		return string(k.values[words[1]].Value), nil
	case words[0] == "put" && len(words) == 3:
		q := kvsRequest{Datacenter: "dc1", Op: "set", DirEnt: dirEntry{Key: words[1], Value: []byte(words[2])}}
		return "ok", r.Apply(encode(kvs, q), 5*time.Second).Error()
	case words[0] == "snapshot":
		return "ok", r.Snapshot().Error()
	}
	return "", errors.New("what?")
}

func main() {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(os.Args[1])
	c.TrailingLogs = 1
	listener, err := net.Listen("tcp", os.Args[2])
	if err != nil {
		panic(err)
	}
	k := &keys{values: map[string]dirEntry{}}
	transport := raft.NewNetworkTransport(layer{listener}, 3, 10*time.Second, os.Stderr)
	store := raft.NewInmemStore()
	r, err := raft.NewRaft(c, k, store, store, raft.NewInmemSnapshotStore(), transport)
	if err != nil {
		panic(err)
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		words := strings.Fields(in.Text())
		if len(words) == 0 {
			continue
		}
		text, err := answer(r, k, words)
		if err != nil {
			text = "error: " + err.Error()
		}
		fmt.Println(text)
	}
}
