// sink, source, echo, accept-echo-close and check on gVisor's netstack, on a TUN device: peer DEVICE ADDRESS
package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"os"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/link/tun"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

const (
	mtu    = 1500
	period = 251
	size   = 1 << 18
	nic    = 1
)

var block = pattern()

func pattern() []byte {
	made := make([]byte, period*1024)
	for i := range made {
		made[i] = byte(i % period)
	}
	return made
}

func sink(peer net.Conn) {
	buffer := make([]byte, size)
	for {
		if _, err := peer.Read(buffer); err != nil {
			return
		}
	}
}

func source(peer net.Conn) {
	for {
		if _, err := peer.Write(block); err != nil {
			return
		}
	}
}

func echo(peer net.Conn) {
	buffer := make([]byte, size)
	for {
		n, err := peer.Read(buffer)
		if err != nil {
			return
		}
		if _, err := peer.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func serve(peer net.Conn) {
	var buffer [64]byte
	if n, err := peer.Read(buffer[:]); err == nil {
		_, _ = peer.Write(buffer[:n])
	}
}

func check(peer net.Conn) {
	buffer := make([]byte, period*512)
	at, faithful := 0, true
	for {
		n, err := peer.Read(buffer)
		faithful = faithful && bytes.Equal(buffer[:n], block[at:at+n])
		at = (at + n) % period
		if err == io.EOF {
			break
		}
		if err != nil {
			return
		}
	}
	if faithful {
		_, _ = peer.Write([]byte("y"))
	} else {
		_, _ = peer.Write([]byte("n"))
	}
}

func build(device string, address net.IP) *stack.Stack {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	sack := tcpip.TCPSACKEnabled(true)
	s.SetTransportProtocolOption(tcp.ProtocolNumber, &sack)
	fd, err := tun.Open(device)
	if err != nil {
		log.Fatal(err)
	}
	// Segments are cut at the link and joined behind it, which is the fastest that it has for a device without offload.
	link, err := fdbased.New(&fdbased.Options{
		FDs:                []int{fd},
		MTU:                mtu,
		PacketDispatchMode: fdbased.Readv,
		GSOMaxSize:         stack.GVisorGSOMaxSize,
		GVisorGSOEnabled:   true,
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := s.CreateNIC(nic, link); err != nil {
		log.Fatal(err)
	}
	protocol := tcpip.ProtocolAddress{
		Protocol:          ipv4.ProtocolNumber,
		AddressWithPrefix: tcpip.AddrFromSlice(address.To4()).WithPrefix(),
	}
	if err := s.AddProtocolAddress(nic, protocol, stack.AddressProperties{}); err != nil {
		log.Fatal(err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: nic}})
	return s
}

func accept(listener *gonet.TCPListener, program func(net.Conn)) {
	for {
		peer, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer peer.Close()
			program(peer)
		}()
	}
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: peer DEVICE ADDRESS")
	}
	s := build(os.Args[1], net.ParseIP(os.Args[2]))
	for port, program := range map[uint16]func(net.Conn){5001: sink, 5002: source, 5003: echo, 5004: serve, 5005: check} {
		listener, err := gonet.ListenTCP(s, tcpip.FullAddress{NIC: nic, Port: port}, ipv4.ProtocolNumber)
		if err != nil {
			log.Fatal(err)
		}
		go accept(listener, program)
	}
	fmt.Println("ready")
	select {}
}
