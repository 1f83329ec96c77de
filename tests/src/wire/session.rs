//! One client's connection: its requests go to the server one at a time, and the answers back.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpStream, UnixStream, unix};

use super::Shared;
use super::gate::GateState;
use super::message::{Frames, Message, Request};
use super::rules::{CutAt, CutDone};
use super::statements::{name_of, writes};

/// Codes of startup messages that ask for encryption, which is not to be had.
const ENCRYPTION: [u32; 2] = [80_877_103, 80_877_104];

/// Both ends of a connection.
pub(super) struct Session {
    shared: Arc<Shared>,
    client: Frames<OwnedReadHalf>,
    to_client: OwnedWriteHalf,
    server: Frames<unix::OwnedReadHalf>,
    to_server: unix::OwnedWriteHalf,
    /// The backend's process id, once it has told.
    pid: i32,
    /// The texts that were prepared, as the client sent them.
    prepared: HashMap<Vec<u8>, String>,
    in_transaction: bool,
    /// Names of the statements of the transaction under way.
    transaction: Vec<String>,
}

/// One request as the session sees it.
struct Errand {
    request: Request,
    /// The statement's name, of a request that carries something out.
    name: Option<String>,
    /// Outside of a transaction, and noticed by others before it is committed.
    divisible: bool,
    rewritten: bool,
}

impl Session {
    pub(super) async fn begin(shared: Arc<Shared>, client: TcpStream) -> io::Result<Self> {
        client.set_nodelay(true)?;
        let server = UnixStream::connect(&shared.upstream).await?;
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        Ok(Self {
            shared,
            client: Frames::new(from_client),
            to_client,
            server: Frames::new(from_server),
            to_server,
            pid: 0,
            prepared: HashMap::new(),
            in_transaction: false,
            transaction: Vec::new(),
        })
    }

    /// Runs until one side leaves, or the connection is cut.
    pub(super) async fn run(&mut self) -> io::Result<()> {
        self.start_up().await?;
        loop {
            tokio::select! {
                request = self.client.request() => self.carry(request?).await?,
                message = self.server.message() => {
                    let message = message?;
                    self.note(&message);
                    self.to_client.write_all(message.bytes()).await?;
                }
            }
        }
    }

    async fn start_up(&mut self) -> io::Result<()> {
        loop {
            let startup = self.client.startup().await?;
            let code = startup.get(4..).and_then(|rest| rest.first_chunk()).map(|code| u32::from_be_bytes(*code));
            if code.is_some_and(|code| ENCRYPTION.contains(&code)) {
                self.to_client.write_all(b"N").await?;
                continue;
            }
            return self.to_server.write_all(&startup).await;
        }
    }

    fn note(&mut self, message: &Message) {
        self.pid = message.backend_pid().unwrap_or(self.pid);
        self.in_transaction = message.in_transaction().unwrap_or(self.in_transaction);
    }

    /// One request to the server, and its answer back.
    async fn carry(&mut self, request: Request) -> io::Result<()> {
        let errand = self.read(request);
        let Some(name) = errand.name.clone() else {
            return self.exchange(&errand).await;
        };
        self.transaction.push(name.clone());
        self.shared.sent(|sent| *sent.entry(name.clone()).or_default() += 1);
        let gate = self.shared.gate();
        if let Some(gate) = &gate {
            self.hold(gate, name.clone()).await?;
        }
        let delay = self.shared.rules(|rules| rules.delay);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let ends = name == "commit" || !self.in_transaction && !["begin", "rollback"].contains(&name.as_str());
        if let Some((at, done)) = ends.then(|| self.shared.rules(|rules| rules.cut(&self.transaction))).flatten() {
            return self.cut(&errand, at, &done).await;
        }
        match &gate {
            Some(gate) if errand.divisible => self.exchange_in_two(&errand, gate, &name).await?,
            Some(_) | None => self.exchange(&errand).await?,
        }
        if !self.in_transaction {
            self.transaction.clear();
        }
        if let Some(gate) = &gate {
            gate.answered(self.pid, self.in_transaction);
        }
        Ok(())
    }

    /// What the request is about, its statements rewritten.
    fn read(&mut self, mut request: Request) -> Errand {
        let (mut text, mut rewritten) = (None, false);
        for message in &mut request.0 {
            if let Some(bound) = message.bound() {
                text = self.prepared.get(bound).cloned();
            }
            let Some((name, sent)) = message.statement() else { continue };
            if message.tag() == b'Q' {
                text = Some(sent.to_owned());
            } else {
                self.prepared.insert(name.to_vec(), sent.to_owned());
            }
            if let Some(other) = self.shared.rewritten(sent) {
                (*message, rewritten) = (message.with_text(&other), true);
            }
        }
        let name = text.as_deref().filter(|_| request.executes()).map(name_of);
        let extended = request.0.last().is_some_and(|message| message.tag() == b'S');
        let divisible = extended && !self.in_transaction && text.as_deref().is_some_and(writes);
        Errand { request, name, divisible, rewritten }
    }

    async fn hold(&mut self, gate: &GateState, name: String) -> io::Result<()> {
        tokio::select! {
            () = gate.enter(name, self.pid) => Ok(()),
            left = self.client.left() => Err(left),
        }
    }

    async fn exchange(&mut self, errand: &Errand) -> io::Result<()> {
        self.send(&errand.request.0).await?;
        if errand.request.is_answered() {
            let answer = self.answer(errand, |message| matches!(message.tag(), b'Z' | b'G')).await?;
            self.deliver(&answer).await?;
        }
        Ok(())
    }

    /// Carries a statement out and, once the gate opens again, commits it. Nobody but the server can tell: a transaction that was not
    /// begun ends with the Sync, and that is held back.
    async fn exchange_in_two(&mut self, errand: &Errand, gate: &GateState, name: &str) -> io::Result<()> {
        let (sync, before) = errand.request.0.split_last().expect("a request has a last message");
        self.send(before).await?;
        self.send(&[Message::flush()]).await?;
        let closes = before.iter().any(|message| message.tag() == b'C');
        let last = if closes { b'3' } else { b'C' };
        let mut answer = self.answer(errand, |message| message.tag() == last || message.tag() == b'E').await?;
        if answer.last().is_some_and(|message| message.tag() != b'E') {
            self.hold(gate, format!("{name}: commit")).await?;
        }
        self.send(std::slice::from_ref(sync)).await?;
        answer.extend(self.answer(errand, |message| message.tag() == b'Z').await?);
        self.deliver(&answer).await
    }

    async fn cut(&mut self, errand: &Errand, at: CutAt, done: &CutDone) -> io::Result<()> {
        if at == CutAt::AfterCommit {
            self.send(&errand.request.0).await?;
            let answer = self.answer(errand, |message| message.tag() == b'Z').await?;
            if let Some(error) = answer.iter().find_map(Message::error) {
                self.shared.problem(format!("the commit to be cut off failed: {error}"));
            }
        }
        done.tell();
        Err(io::Error::other("cut"))
    }

    async fn send(&mut self, messages: &[Message]) -> io::Result<()> {
        let bytes: Vec<u8> = messages.iter().flat_map(|message| message.bytes().iter().copied()).collect();
        self.to_server.write_all(&bytes).await
    }

    async fn deliver(&mut self, messages: &[Message]) -> io::Result<()> {
        let bytes: Vec<u8> = messages.iter().flat_map(|message| message.bytes().iter().copied()).collect();
        self.to_client.write_all(&bytes).await
    }

    /// Messages of the server up to the one that is waited for. A client that leaves meanwhile takes the connection with it.
    async fn answer(&mut self, errand: &Errand, is_last: impl Fn(&Message) -> bool) -> io::Result<Vec<Message>> {
        let mut answer = Vec::new();
        loop {
            let message = tokio::select! {
                message = self.server.message() => message?,
                left = self.client.left() => return Err(left),
            };
            self.note(&message);
            if let Some(error) = message.error().filter(|_| errand.rewritten) {
                self.shared.problem(format!("the server refuses a rewritten statement: {error}"));
            }
            let over = is_last(&message);
            answer.push(message);
            if over {
                return Ok(answer);
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(gate) = self.shared.gate() {
            gate.left(self.pid);
        }
    }
}
