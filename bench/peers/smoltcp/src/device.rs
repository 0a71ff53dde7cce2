//! A TUN device whose packets are read into one buffer and written from another.

use std::ffi::CString;
use std::io::{Error, Result};

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

pub const MTU: usize = 1500;

pub struct Tun {
    pub fd: i32,
    incoming: [u8; MTU],
    outgoing: [u8; MTU],
}

impl Tun {
    pub fn attach(name: &str) -> Result<Tun> {
        let path = CString::new("/dev/net/tun")?;
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes().take(libc::IFNAMSIZ - 1)) {
            *to = from as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
        let fd = unsafe { libc::open(path.as_ptr(), libc::O_RDWR | libc::O_NONBLOCK) };
        if fd < 0 || unsafe { libc::ioctl(fd, libc::TUNSETIFF as libc::Ioctl, &request) } < 0 {
            return Err(Error::last_os_error());
        }
        Ok(Tun { fd, incoming: [0; MTU], outgoing: [0; MTU] })
    }
}

pub struct Received<'a>(&'a [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

pub struct Sending<'a>(i32, &'a mut [u8; MTU]);

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let result = f(&mut self.1[..len]);
        unsafe { libc::write(self.0, self.1.as_ptr().cast(), len) };
        result
    }
}

impl Device for Tun {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        let size = unsafe { libc::read(self.fd, self.incoming.as_mut_ptr().cast(), MTU) };
        if size <= 0 {
            return None;
        }
        Some((Received(&self.incoming[..size as usize]), Sending(self.fd, &mut self.outgoing)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        Some(Sending(self.fd, &mut self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = MTU;
        capabilities
    }
}
