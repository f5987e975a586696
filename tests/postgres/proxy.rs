//! A wire between the service and PostgreSQL that can be cut at any turn. A turn is one request of the frontend protocol with its answer:
//! a start-up, a simple query, or everything up to a Sync; so a prepared statement is two turns, its preparation and its execution.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// Where in a turn the wire is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The request does not reach the server: nothing is done.
    Before,
    /// The server has done it and answered, the answer does not arrive.
    After,
}

#[derive(Default)]
struct Plan {
    /// Turns since the plan was made.
    turns: u64,
    at: Option<(u64, Cut)>,
    fired: bool,
    open: Vec<TcpStream>,
}

/// The wire.
#[derive(Clone)]
pub struct Proxy {
    port: u16,
    plan: Arc<Mutex<Plan>>,
}

impl Proxy {
    /// Between a port of its own and a server.
    pub fn to(server: (String, u16)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { port: listener.local_addr().unwrap().port(), plan: Arc::default() };
        let wire = proxy.clone();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (wire, server) = (wire.clone(), server.clone());
                std::thread::spawn(move || {
                    // An error is a connection that one of its ends has closed.
                    let _ = wire.connect(client, &server);
                });
            }
        });
        proxy
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts the connection at the nth turn from now, of all connections together.
    pub fn cut_at(&self, turn: u64, cut: Cut) {
        let mut plan = self.plan();
        (plan.turns, plan.at, plan.fired) = (0, Some((turn, cut)), false);
    }

    /// Cuts no more; says whether the plan's cut was made.
    pub fn mend(&self) -> bool {
        let mut plan = self.plan();
        plan.at = None;
        plan.fired
    }

    /// Cuts every connection that there is.
    pub fn cut_all(&self) {
        for stream in self.plan().open.drain(..) {
            // Closed by its other end already, for all that it matters.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn next_turn(&self) -> Option<Cut> {
        let mut plan = self.plan();
        plan.turns += 1;
        let (at, cut) = plan.at?;
        (!plan.fired && plan.turns == at).then(|| {
            plan.fired = true;
            cut
        })
    }

    fn connect(&self, mut client: TcpStream, (host, port): &(String, u16)) -> io::Result<()> {
        let mut server = TcpStream::connect((host.as_str(), *port))?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        self.plan().open.push(client.try_clone()?);
        let done = self.relay(&mut client, &mut server);
        // Cut, or at its end: for both sides at once, whoever else holds a handle.
        let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
        done
    }

    fn relay(&self, client: &mut TcpStream, server: &mut TcpStream) -> io::Result<()> {
        let mut request = start_up(client)?;
        loop {
            let cut = self.next_turn();
            if cut == Some(Cut::Before) {
                return Ok(());
            }
            server.write_all(&request)?;
            let answer = answer(server)?;
            if cut == Some(Cut::After) {
                return Ok(());
            }
            client.write_all(&answer)?;
            request = turn(client)?;
        }
    }
}

/// The first message, which has no type: its length, itself included, and the protocol's version.
fn start_up(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message = vec![0; 8];
    client.read_exact(&mut message)?;
    assert_eq!(message[4..6], [0, 3], "this wire speaks version 3 without TLS: put ?sslmode=disable into the URL");
    let length = u32::from_be_bytes(message[..4].try_into().unwrap());
    message.resize(usize::try_from(length).unwrap(), 0);
    client.read_exact(&mut message[8..])?;
    Ok(message)
}

/// A message with its type, added to what was read before it.
fn message(from: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<u8> {
    let mut head = [0; 5];
    from.read_exact(&mut head)?;
    let length = usize::try_from(u32::from_be_bytes(head[1..].try_into().unwrap())).unwrap();
    read.extend(head);
    let begin = read.len();
    read.resize(begin + length - 4, 0);
    from.read_exact(&mut read[begin..])?;
    Ok(head[0])
}

/// Everything up to what the server answers: Query, Sync, the end of a COPY, Terminate.
fn turn(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    while !matches!(message(client, &mut read)?, b'Q' | b'S' | b'c' | b'f' | b'X') {}
    Ok(read)
}

/// The server's whole answer: up to ReadyForQuery, or to where it waits for the rows of a COPY.
fn answer(server: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    loop {
        let begin = read.len();
        match message(server, &mut read)? {
            b'Z' | b'G' => return Ok(read),
            b'R' => assert_eq!(read[begin + 5..begin + 9], [0; 4], "the server must trust its clients"),
            _ => {}
        }
    }
}
