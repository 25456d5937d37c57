// rpc_peer serve IP:PORT | call IP:PORT CALLS AT_A_TIME SIZE METHOD | ask IP:PORT BYTE METHOD...: Go's net/rpc with msgpack over yamux, from Debian's
// packages of the libraries that Consul uses. See rpc_peer.c for the words. "ask" calls methods one after another on one
// stream (first byte 4) or on the connection itself (0), each with {Datacenter: dc1, Key: a}, and prints the answers.
package main

import (
	"errors"
	"fmt"
	"math/rand"
	"net"
	"net/rpc"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	msgpackrpc "github.com/hashicorp/net-rpc-msgpackrpc"
	"github.com/hashicorp/yamux"
)

type Test struct{}

func (Test) Echo(in string, out *string) error { *out = in; return nil }
func (Test) Fail(in string, out *string) error { return errors.New("no luck") }
func (Test) Park(in int, out *string) error {
	time.Sleep(time.Duration(in) * time.Millisecond)
	*out = "late"
	return nil
}
func (Test) Big(in int, out *string) error { *out = strings.Repeat("b", in); return nil }

func serveStream(s *rpc.Server, c net.Conn) {
	defer c.Close()
	codec := msgpackrpc.NewServerCodec(c)
	for s.ServeRequest(codec) == nil {
	}
}

func serveConn(s *rpc.Server, c net.Conn) {
	defer c.Close()
	first := make([]byte, 1)
	if _, err := c.Read(first); err != nil || first[0] != 4 {
		return
	}
	session, err := yamux.Server(c, nil)
	if err != nil {
		return
	}
	for {
		stream, err := session.Accept()
		if err != nil {
			return
		}
		go serveStream(s, stream)
	}
}

func serve(at string) {
	s := rpc.NewServer()
	if err := s.Register(Test{}); err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		panic(err)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			panic(err)
		}
		go serveConn(s, c)
	}
}

type job struct {
	session            *yamux.Session
	method             string
	size               int
	left, bad, dropped int64
	chaos              bool
}

func (j *job) one(codec rpc.ClientCodec) error {
	var out, want string
	var in interface{} = j.size
	fails := false
	switch j.method {
	case "Test.Echo":
		want = strings.Repeat("b", j.size)
		in = want
	case "Test.Big":
		want = strings.Repeat("b", j.size)
	case "Test.Park":
		want = "late"
	case "Test.Fail":
		in, fails = "x", true
	}
	err := msgpackrpc.CallWithCodec(codec, j.method, in, &out)
	if fails && err != nil && err.Error() == "no luck" {
		return nil
	}
	if err == nil && out != want {
		err = fmt.Errorf("answer of %d bytes", len(out))
	}
	return err
}

// Calls one after another on a stream of its own. With chaos, streams are closed under calls at random.
func (j *job) work(wait *sync.WaitGroup) {
	defer wait.Done()
	var stream net.Conn
	var codec rpc.ClientCodec
	for atomic.AddInt64(&j.left, -1) >= 0 {
		if stream == nil {
			s, err := j.session.Open()
			if err != nil {
				atomic.AddInt64(&j.bad, 1)
				return
			}
			stream, codec = s, msgpackrpc.NewClientCodec(s)
		}
		hurt := j.chaos && rand.Intn(3) == 0
		if hurt {
			s := stream
			time.AfterFunc(time.Duration(rand.Intn(2000))*time.Microsecond, func() { s.Close() })
		}
		err := j.one(codec)
		if hurt {
			stream.Close()
			stream = nil
			atomic.AddInt64(&j.dropped, 1)
		} else if err != nil {
			if atomic.AddInt64(&j.bad, 1) == 1 {
				fmt.Fprintln(os.Stderr, err)
			}
			stream.Close()
			stream = nil
		}
	}
	if stream != nil {
		stream.Close()
	}
}

func call(args []string) {
	calls, _ := strconv.Atoi(args[1])
	together, _ := strconv.Atoi(args[2])
	size, _ := strconv.Atoi(args[3])
	c, err := net.Dial("tcp", args[0])
	if err != nil {
		panic(err)
	}
	c.Write([]byte{4})
	session, err := yamux.Client(c, nil)
	if err != nil {
		panic(err)
	}
	j := &job{session: session, size: size, left: int64(calls)}
	j.method = strings.TrimSuffix(args[4], "!")
	j.chaos = j.method != args[4]
	begin := time.Now()
	var wait sync.WaitGroup
	for i := 0; i < together; i++ {
		wait.Add(1)
		go j.work(&wait)
	}
	wait.Wait()
	rate := float64(calls) / time.Since(begin).Seconds()
	fmt.Printf("%d calls, %d bad, %d dropped, %.0f calls/s\n", calls, j.bad, j.dropped, rate)
	session.Close()
	if j.bad != 0 {
		os.Exit(1)
	}
}

func ask(args []string) {
	var c net.Conn
	c, err := net.Dial("tcp", args[0])
	if err != nil {
		panic(err)
	}
	first, _ := strconv.Atoi(args[1])
	c.Write([]byte{byte(first)})
	if first == 4 {
		session, err := yamux.Client(c, nil)
		if err != nil {
			panic(err)
		}
		if c, err = session.Open(); err != nil {
			panic(err)
		}
	}
	codec := msgpackrpc.NewClientCodec(c)
	for _, method := range args[2:] {
		var out interface{}
		err := msgpackrpc.CallWithCodec(codec, method, map[string]string{"Datacenter": "dc1", "Key": "a"}, &out)
		if text, ok := out.([]byte); ok {
			out = string(text)
		}
		fmt.Printf("%s: %v %v\n", method, out, err)
	}
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		serve(os.Args[2])
	}
	if len(os.Args) > 4 && os.Args[1] == "ask" {
		ask(os.Args[2:])
		return
	}
	call(os.Args[2:])
}
