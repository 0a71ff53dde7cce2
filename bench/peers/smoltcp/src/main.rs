//! sink, source, echo, accept-echo-close and check on smoltcp, on a TUN device: peer DEVICE ADDRESS BUFFER
//!
//! BUFFER is the size in bytes of each socket's two buffers. A port has one listening socket; when a client has taken
//! it, another one takes its place. smoltcp walks all its sockets, so none that is over stays.

mod device;

use std::net::Ipv4Addr;

use device::Tun;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::socket::Socket as AnySocket;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpCidr};

const SINK: u16 = 5001;
const SOURCE: u16 = 5002;
const ECHO: u16 = 5003;
const SERVE: u16 = 5004;
const CHECK: u16 = 5005;
const PERIOD: usize = 251;

struct Running {
    handle: SocketHandle,
    port: u16,
    listening: bool,
    at: usize,
    faithful: bool,
}

struct Peer {
    sockets: SocketSet<'static>,
    running: Vec<Running>,
    spare: Vec<Socket<'static>>,
    buffer: usize,
    pattern: Vec<u8>,
}

impl Peer {
    fn listen(&mut self, port: u16) {
        let mut socket = self.spare.pop().unwrap_or_else(|| {
            let buffer = || SocketBuffer::new(vec![0; self.buffer]);
            let mut socket = Socket::new(buffer(), buffer());
            socket.set_nagle_enabled(false);
            socket
        });
        socket.listen(port).expect("a socket that is closed can listen");
        let handle = self.sockets.add(socket);
        self.running.push(Running { handle, port, listening: true, at: 0, faithful: true });
    }

    /// Let each program do what it can; whether any did.
    fn turn(&mut self) -> bool {
        let mut moved = false;
        let mut taken = Vec::new();
        let mut index = 0;
        while index < self.running.len() {
            let running = &mut self.running[index];
            let socket = self.sockets.get_mut::<Socket>(running.handle);
            if socket.state() != State::Listen && running.listening {
                running.listening = false;
                taken.push(running.port);
            }
            match socket.state() {
                State::Listen => index += 1,
                State::Closed | State::TimeWait => {
                    let over = self.running.swap_remove(index);
                    let AnySocket::Tcp(mut socket) = self.sockets.remove(over.handle);
                    socket.abort();
                    self.spare.push(socket);
                }
                _ => {
                    moved |= run(running, socket, &self.pattern);
                    index += 1;
                }
            }
        }
        for port in taken {
            self.listen(port);
        }
        moved
    }
}

fn run(running: &mut Running, socket: &mut Socket, pattern: &[u8]) -> bool {
    let mut moved = false;
    match running.port {
        SINK => {
            while socket.can_recv() {
                moved |= socket.recv(|data| (data.len(), data.len())).unwrap_or(0) > 0;
            }
        }
        SOURCE => {
            while socket.can_send() {
                let at = &mut running.at;
                let put = |room: &mut [u8]| {
                    let size = room.len().min(pattern.len() - *at);
                    room[..size].copy_from_slice(&pattern[*at..*at + size]);
                    *at = (*at + size) % pattern.len();
                    (size, size)
                };
                moved |= socket.send(put).unwrap_or(0) > 0;
            }
        }
        ECHO | SERVE => {
            let mut data = [0; 65536];
            while socket.can_recv() && socket.can_send() {
                let room = (socket.send_capacity() - socket.send_queue()).min(data.len());
                let size = socket.recv_slice(&mut data[..room]).unwrap_or(0);
                let _ = socket.send_slice(&data[..size]);
                moved = true;
                if running.port == SERVE {
                    socket.close();
                }
            }
        }
        CHECK => {
            while socket.can_recv() {
                let size = socket.recv(|data| {
                    let mut faithful = true;
                    let mut done = 0;
                    while done < data.len() {
                        let start = (running.at + done) % PERIOD;
                        let size = (data.len() - done).min(pattern.len() - start);
                        faithful &= data[done..done + size] == pattern[start..start + size];
                        done += size;
                    }
                    running.faithful &= faithful;
                    (data.len(), data.len())
                });
                running.at += size.unwrap_or(0);
                moved = true;
            }
        }
        _ => unreachable!("there is no such port"),
    }
    if socket.state() == State::CloseWait && !socket.can_recv() {
        if running.port == CHECK {
            let _ = socket.send_slice(if running.faithful { b"y" } else { b"n" });
        }
        socket.close();
        moved = true;
    }
    moved
}

fn wait(fd: i32, delay: Option<Duration>) {
    let mut waiting = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let patience = match delay {
        Some(delay) => libc::timespec {
            tv_sec: delay.secs() as libc::time_t,
            tv_nsec: 1000 * (delay.total_micros() % 1_000_000) as libc::c_long,
        },
        None => libc::timespec { tv_sec: 3600, tv_nsec: 0 },
    };
    unsafe { libc::ppoll(&mut waiting, 1, &patience, std::ptr::null()) };
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, address, buffer] = &arguments[..] else {
        eprintln!("usage: peer DEVICE ADDRESS BUFFER");
        std::process::exit(2);
    };
    let mut device = Tun::attach(name).expect("the device can be attached to");
    let mut interface = Interface::new(Config::new(HardwareAddress::Ip), &mut device, Instant::now());
    let address: Ipv4Addr = address.parse().expect("an IPv4 address");
    interface.update_ip_addrs(|addresses| addresses.push(IpCidr::new(address.into(), 24)).expect("room for one"));
    let mut peer = Peer {
        sockets: SocketSet::new(Vec::new()),
        running: Vec::new(),
        spare: Vec::new(),
        buffer: buffer.parse().expect("a number of bytes"),
        pattern: (0..PERIOD * 1024).map(|each| (each % PERIOD) as u8).collect(),
    };
    for port in [SINK, SOURCE, ECHO, SERVE, CHECK] {
        peer.listen(port);
    }
    println!("ready");
    loop {
        interface.poll(Instant::now(), &mut device, &mut peer.sockets);
        if !peer.turn() {
            wait(device.fd, interface.poll_delay(Instant::now(), &peer.sockets));
        }
    }
}
