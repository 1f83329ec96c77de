//! The frontend/backend protocol, as far as its borders go: messages, requests, and the texts in them.

use std::io;

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Type byte and length.
const HEADER: usize = 5;

/// One typed message, header included.
#[derive(Debug)]
pub(super) struct Message(BytesMut);

impl Message {
    fn new(tag: u8, body: &[&[u8]]) -> Self {
        let length = body.iter().map(|part| part.len()).sum::<usize>() + HEADER - 1;
        let mut bytes = BytesMut::with_capacity(length + 1);
        bytes.put_u8(tag);
        bytes.put_u32(u32::try_from(length).expect("a message of a test is shorter than 4 GiB"));
        body.iter().for_each(|part| bytes.put_slice(part));
        Self(bytes)
    }

    /// Asks the server to send what it has, and to leave the transaction open.
    pub(super) fn flush() -> Self {
        Self::new(b'H', &[])
    }

    pub(super) fn tag(&self) -> u8 {
        self.0[0]
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn body(&self) -> &[u8] {
        &self.0[HEADER..]
    }

    /// The name that a Parse gives, and the text that it or a simple Query carries.
    pub(super) fn statement(&self) -> Option<(&[u8], &str)> {
        let mut strings = self.body().split(|byte| *byte == 0);
        let (name, text) = match self.tag() {
            b'P' => (strings.next()?, strings.next()?),
            b'Q' => (&b""[..], strings.next()?),
            _ => return None,
        };
        Some((name, str::from_utf8(text).ok()?))
    }

    /// The prepared statement that a Bind names.
    pub(super) fn bound(&self) -> Option<&[u8]> {
        (self.tag() == b'B').then(|| self.body().split(|byte| *byte == 0).nth(1))?
    }

    /// The same Parse or Query with another text.
    pub(super) fn with_text(&self, text: &str) -> Self {
        let (name, before) = self.statement().expect("only a statement is rewritten");
        match self.tag() {
            b'P' => {
                let rest = &self.body()[name.len() + before.len() + 2..];
                Self::new(b'P', &[name, b"\0", text.as_bytes(), b"\0", rest])
            }
            _ => Self::new(b'Q', &[text.as_bytes(), b"\0"]),
        }
    }

    /// The process id in a BackendKeyData.
    pub(super) fn backend_pid(&self) -> Option<i32> {
        let bytes = (self.tag() == b'K').then(|| self.body().first_chunk())??;
        Some(i32::from_be_bytes(*bytes))
    }

    /// Whether a ReadyForQuery leaves a transaction open.
    pub(super) fn in_transaction(&self) -> Option<bool> {
        (self.tag() == b'Z').then(|| self.body() != b"I")
    }

    /// What an ErrorResponse says.
    pub(super) fn error(&self) -> Option<String> {
        (self.tag() == b'E').then(|| {
            let fields =
                self.body().split(|byte| *byte == 0).filter(|field| b"CM".contains(field.first().unwrap_or(&0)));
            fields.map(|field| String::from_utf8_lossy(&field[1..]).into_owned()).collect::<Vec<_>>().join(" ")
        })
    }
}

/// What a client sends before it waits for an answer.
#[derive(Debug, Default)]
pub(super) struct Request(pub(super) Vec<Message>);

impl Request {
    /// Whether something is carried out: not a mere Parse, not a ping.
    pub(super) fn executes(&self) -> bool {
        self.0.iter().any(|message| matches!(message.tag(), b'E' | b'Q'))
    }

    /// Whether a ReadyForQuery ends its answer.
    pub(super) fn is_answered(&self) -> bool {
        self.0.last().is_some_and(|message| matches!(message.tag(), b'S' | b'Q'))
    }

    fn is_whole(&self) -> bool {
        self.0
            .last()
            .is_some_and(|message| matches!(message.tag(), b'S' | b'Q' | b'H' | b'X' | b'c' | b'd' | b'f' | b'p'))
    }
}

/// Reads one side of a connection. Dropping a read that is under way loses nothing.
#[derive(Debug)]
pub(super) struct Frames<R> {
    from: R,
    buffer: BytesMut,
    request: Request,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, buffer: BytesMut::new(), request: Request::default() }
    }

    /// The next message; an error when the other side has left.
    pub(super) async fn message(&mut self) -> io::Result<Message> {
        self.frame(1).await.map(Message)
    }

    /// The untyped message with which a client begins.
    pub(super) async fn startup(&mut self) -> io::Result<BytesMut> {
        self.frame(0).await
    }

    /// The next request as a whole.
    pub(super) async fn request(&mut self) -> io::Result<Request> {
        while !self.request.is_whole() {
            let message = self.message().await?;
            self.request.0.push(message);
        }
        Ok(std::mem::take(&mut self.request))
    }

    /// Returns when the other side has left; what it says meanwhile is kept.
    pub(super) async fn left(&mut self) -> io::Error {
        loop {
            if let Err(error) = self.fill().await {
                return error;
            }
        }
    }

    /// Bytes up to the end of a frame whose length stands at `at`.
    async fn frame(&mut self, at: usize) -> io::Result<BytesMut> {
        loop {
            let length =
                self.buffer.get(at..).and_then(|rest| rest.first_chunk()).map(|bytes| u32::from_be_bytes(*bytes));
            if let Some(length) =
                length.map(|length| length as usize + at).filter(|length| *length <= self.buffer.len())
            {
                return Ok(self.buffer.split_to(length));
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.from.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
