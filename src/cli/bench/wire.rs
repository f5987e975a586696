//! The clients' side of HTTP/1.1, as lean as it can be, since it runs on the cores of what it measures: a request is a buffer in
//! which only the idempotency key changes, and of an answer only status and length are looked at.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::base::{Code, Fault, random};

/// Bytes read at once: an issued invoice with its receipt fits.
const BUFFER_BYTES: usize = 16 * 1024;

/// Hex digits of an idempotency key: 128 bits, as a random UUID has.
const KEY_DIGITS: usize = 32;

/// A request to issue, of which only the key changes.
pub struct IssueRequest {
    bytes: Vec<u8>,
    key_at: usize,
    random: u64,
}

impl IssueRequest {
    /// Prepares it.
    ///
    /// # Errors
    /// When the operating system has no randomness.
    pub fn prepare(address: SocketAddr, secret: &str, body: &str) -> Result<Self, Fault> {
        let head = format!(
            "POST /v1/invoices HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {secret}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nidempotency-key: ",
            body.len()
        );
        let bytes = format!("{head}{}\r\n\r\n{body}", "0".repeat(KEY_DIGITS)).into_bytes();
        Ok(Self { bytes, key_at: head.len(), random: u64::from_le_bytes(random::bytes()?) })
    }

    /// The request under a new random key, as callers in production make theirs: the worst that an index can be given.
    pub fn next(&mut self) -> &[u8] {
        let key = u128::from(self.random()) << 64 | u128::from(self.random());
        let digits = self.bytes.get_mut(self.key_at..self.key_at.saturating_add(KEY_DIGITS));
        let mut rest = key;
        for digit in digits.unwrap_or_default().iter_mut() {
            let value = u8::try_from(rest & 15).unwrap_or(0);
            *digit =
                if value < 10 { b'0'.saturating_add(value) } else { b'a'.saturating_add(value.saturating_sub(10)) };
            rest >>= 4;
        }
        &self.bytes
    }

    /// SplitMix64: a call to the kernel for each key would be the clients' greatest expense after the sockets.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A request to read.
pub fn get_request(address: SocketAddr, secret: &str, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {secret}\r\n\r\n")
}

/// One kept connection.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

fn broken(error: impl std::fmt::Display) -> Fault {
    Fault::new(Code::CliUnreachable, "", format!("the service can't be reached: {error}"))
}

/// What the head of an answer says.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    head_bytes: usize,
    body_bytes: usize,
}

/// Reads the head of an answer; `None` while it is not whole.
fn read_head(bytes: &[u8]) -> Option<Result<Head, Fault>> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = bytes.get(..end).and_then(|head| std::str::from_utf8(head).ok()).unwrap_or_default();
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    Some(match (status, length) {
        (Some(status), Some(body_bytes)) => Ok(Head { status, head_bytes: end.saturating_add(4), body_bytes }),
        (None, _) | (_, None) => Err(broken("an answer without status or length")),
    })
}

impl Wire {
    /// Connects.
    ///
    /// # Errors
    /// [`Code::CliUnreachable`].
    pub async fn open(address: SocketAddr) -> Result<Self, Fault> {
        let stream = TcpStream::connect(address).await.map_err(broken)?;
        stream.set_nodelay(true).map_err(broken)?;
        Ok(Self { stream, buffer: vec![0; BUFFER_BYTES] })
    }

    /// Sends a request and takes its whole answer, which must have this status.
    ///
    /// # Errors
    /// [`Code::CliUnreachable`]; [`Code::CliRefused`] for another status, with how the body begins.
    pub async fn ask(&mut self, request: &[u8], wanted: u16) -> Result<(), Fault> {
        self.stream.write_all(request).await.map_err(broken)?;
        let mut have = 0usize;
        let head = loop {
            let room = self.buffer.get_mut(have..).unwrap_or_default();
            let read = self.stream.read(room).await.map_err(broken)?;
            if read == 0 {
                return Err(broken("the connection was closed"));
            }
            have = have.saturating_add(read);
            if let Some(head) = read_head(self.buffer.get(..have).unwrap_or_default()) {
                break head?;
            }
        };
        let whole = head.head_bytes.saturating_add(head.body_bytes);
        let begins = self.buffer.get(head.head_bytes..have.min(whole)).unwrap_or_default();
        if head.status != wanted {
            let said = String::from_utf8_lossy(begins);
            return Err(Fault::new(Code::CliRefused, "", format!("{} where {wanted} was due: {said}", head.status)));
        }
        let mut rest = whole.saturating_sub(have);
        while rest > 0 {
            let room = self.buffer.get_mut(..rest.min(BUFFER_BYTES)).unwrap_or_default();
            let read = self.stream.read(room).await.map_err(broken)?;
            if read == 0 {
                return Err(broken("the connection was closed within an answer"));
            }
            rest = rest.saturating_sub(read);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> SocketAddr {
        "127.0.0.1:8080".parse().unwrap()
    }

    #[test]
    fn only_the_key_changes_from_request_to_request() {
        let mut request = IssueRequest::prepare(address(), "s3cret", "{}").unwrap();
        let (one, other) = (request.next().to_vec(), request.next().to_vec());
        let (one, other) = (String::from_utf8(one).unwrap(), String::from_utf8(other).unwrap());
        let parts = |text: &str| {
            let (before, rest) = text.split_once("idempotency-key: ").unwrap();
            let (key, rest) = rest.split_at(KEY_DIGITS);
            (before.to_owned(), key.to_owned(), rest.to_owned())
        };
        let (one, other) = (parts(&one), parts(&other));
        assert_eq!((&one.0, &one.2), (&other.0, &other.2));
        assert_ne!(one.1, other.1);
        assert!(one.1.bytes().all(|b| b.is_ascii_hexdigit()) && one.2 == "\r\n\r\n{}", "{one:?}");
    }

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 12\r\nx: y\r\n\r\n{}";
        assert_eq!(read_head(&answer[..40]), None);
        assert_eq!(read_head(answer).unwrap().unwrap(), Head { status: 201, head_bytes: 50, body_bytes: 12 });
        assert_eq!(read_head(b"HTTP/1.1 200 OK\r\n\r\n").unwrap().unwrap_err().code, Code::CliUnreachable);
    }
}
