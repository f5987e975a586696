//! One connection that is kept, with nothing between the test and it: a client that costs little beside the service it asks.

#![allow(dead_code, reason = "each target that includes this uses its own part")]

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Answer, Ask};

/// A connection.
pub struct Wire {
    stream: TcpStream,
    host: String,
    read: Vec<u8>,
}

impl Wire {
    /// To a process by its base (`http://127.0.0.1:20001`).
    pub async fn to(base: &str) -> Self {
        let host = base.strip_prefix("http://").unwrap().to_owned();
        let stream = TcpStream::connect(&host).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, host, read: Vec::new() }
    }

    /// Asks, and waits for the answer. The connection MUST be kept by the other side.
    pub async fn ask(&mut self, ask: &Ask) -> Answer {
        self.stream.write_all(&ask.on_the_wire(&self.host)).await.unwrap();
        let head = loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await;
        };
        let lines = String::from_utf8(self.read[..head].to_vec()).unwrap();
        let mut lines = lines.trim_end().lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers: Vec<(String, String)> = lines.filter_map(header).collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        let length: usize = answer.header("content-length").expect("an answer has a length").parse().unwrap();
        while self.read.len() < head + length {
            self.more().await;
        }
        answer.body = self.read[head..head + length].to_vec();
        self.read.drain(..head + length);
        answer
    }

    async fn more(&mut self) {
        assert!(self.stream.read_buf(&mut self.read).await.unwrap() > 0, "the connection ended without an answer");
    }
}
