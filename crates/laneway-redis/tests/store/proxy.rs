//! A network that can be broken: a proxy in front of the server.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes bytes on between clients and a server, until it is told otherwise.
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    server: SocketAddr,
    open: Mutex<Vec<TcpStream>>,
    accepted: AtomicUsize,
    /// Connections are cut as soon as they are made.
    is_down: AtomicBool,
    /// The next answer of the server is swallowed, and its connection cut.
    loses_answer: AtomicBool,
    /// Nothing is passed on, and nothing is cut.
    is_silent: AtomicBool,
    /// A subscription is cut as soon as the server has granted it.
    cuts_subscriptions: AtomicBool,
}

impl Proxy {
    pub(crate) fn new(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            server,
            open: Mutex::default(),
            accepted: AtomicUsize::new(0),
            is_down: AtomicBool::new(false),
            loses_answer: AtomicBool::new(false),
            is_silent: AtomicBool::new(false),
            cuts_subscriptions: AtomicBool::new(false),
        });
        let accepting = state.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                accepting.serve(client.unwrap());
            }
        });
        Self { address, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections were made so far.
    pub(crate) fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// Cuts every connection.
    pub(crate) fn cut(&self) {
        for stream in self.state.open.lock().unwrap().drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    /// Cuts every connection, and each new one at once.
    pub(crate) fn go_down(&self) {
        self.state.is_down.store(true, Ordering::SeqCst);
        self.cut();
    }

    /// Takes connections again.
    pub(crate) fn come_back(&self) {
        self.state.is_down.store(false, Ordering::SeqCst);
    }

    /// Lets the next request through, and swallows the answer.
    pub(crate) fn lose_next_answer(&self) {
        self.state.loses_answer.store(true, Ordering::SeqCst);
    }

    /// Cuts every connection, and each subscription as soon as it is granted.
    pub(crate) fn cut_subscriptions(&self) {
        self.state.cuts_subscriptions.store(true, Ordering::SeqCst);
        self.cut();
    }

    /// Swallows everything from now on without a word.
    pub(crate) fn fall_silent(&self) {
        self.state.is_silent.store(true, Ordering::SeqCst);
    }
}

impl State {
    fn serve(self: &Arc<Self>, client: TcpStream) {
        self.accepted.fetch_add(1, Ordering::SeqCst);
        if self.is_down.load(Ordering::SeqCst) {
            return;
        }
        let server = TcpStream::connect(self.server).unwrap();
        let mut open = self.open.lock().unwrap();
        open.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
        drop(open);
        let (state, from, to) =
            (self.clone(), client.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || state.pass(from, to, false));
        let state = self.clone();
        thread::spawn(move || state.pass(server, client, true));
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream, is_answer: bool) {
        let mut bytes = vec![0; 65_536];
        loop {
            let count = match from.read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            if is_answer && self.loses_answer.swap(false, Ordering::SeqCst) {
                break;
            }
            let passed = bytes.get(..count).unwrap_or_default();
            if !self.is_silent.load(Ordering::SeqCst) && to.write_all(passed).is_err() {
                break;
            }
            let is_granted = passed.windows(9).any(|word| word == b"subscribe");
            if is_answer && is_granted && self.cuts_subscriptions.load(Ordering::SeqCst) {
                break;
            }
        }
        drop(from.shutdown(Shutdown::Both));
        drop(to.shutdown(Shutdown::Both));
    }
}
