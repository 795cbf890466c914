//! The little of Redis's protocol that asks a server how it is: RESP2, one question at a time.
//!
//! Source: <https://redis.io/docs/latest/develop/reference/protocol-spec/>

use std::io;

use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpStream;

use crate::address::Address;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// One connection to a server.
#[derive(Debug)]
pub(super) struct Connection {
    socket: BufReader<TcpStream>,
    address: Address,
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// A simple or a bulk string.
    Text(String),
    Number(i64),
    List(Vec<Self>),
    Nothing,
    /// The server's words.
    Refused(String),
}

impl Connection {
    pub(super) async fn open(address: &Address) -> Result<Self> {
        let socket = address.within(TcpStream::connect((&*address.host, address.port))).await?;
        Ok(Self { socket: BufReader::new(socket), address: address.clone() })
    }

    /// Asks, and returns whatever is answered.
    pub(super) async fn ask(&mut self, words: &[&str]) -> Result<Answer> {
        // A question whose time is over may still be answered, and the answer would be taken for
        // that of the next one: such a connection must not be used any more.
        let Self { socket, address } = self;
        address.within(exchange(socket, words)).await
    }

    /// Waits for what the server says unasked.
    pub(super) async fn next(&mut self) -> Result<Answer> {
        let Self { socket, address } = self;
        address.within(answer(socket)).await
    }

    /// Asks, and takes a refusal for an error.
    pub(super) async fn tell(&mut self, words: &[&str]) -> Result<Answer> {
        match self.ask(words).await? {
            Answer::Refused(reason) => {
                let Address { host, port } = &self.address;
                let message = format!("{host}:{port} refused `{}`: {reason}", words.join(" "));
                Err(Error::new(ErrorKind::Protocol, message))
            }
            answer => Ok(answer),
        }
    }
}

impl Answer {
    /// Returns the texts of a list, or the one text; nothing of what else there is.
    pub(super) fn texts(&self) -> Vec<&str> {
        match self {
            Self::Text(text) => vec![text],
            Self::List(answers) => answers.iter().flat_map(Self::texts).collect(),
            Self::Number(_) | Self::Nothing | Self::Refused(_) => Vec::new(),
        }
    }

    /// Returns the only text, or an empty one.
    pub(super) fn text(&self) -> &str {
        if let Self::Text(text) = self { text } else { "" }
    }

    /// Returns what follows `name:` in an answer of `INFO`, `CLUSTER INFO` and the like.
    pub(super) fn line(&self, name: &str) -> Option<&str> {
        self.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    }
}

async fn exchange(socket: &mut BufReader<TcpStream>, words: &[&str]) -> io::Result<Answer> {
    let mut question = format!("*{}\r\n", words.len());
    for word in words {
        question.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    socket.write_all(question.as_bytes()).await?;
    answer(socket).await
}

async fn answer(socket: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    // Answers nest, at most a few levels: a list that is being read waits here for the rest of it.
    let mut open: Vec<(usize, Vec<Answer>)> = Vec::new();
    loop {
        let mut answer = match piece(socket).await? {
            Piece::Whole(answer) => answer,
            Piece::List(0) => Answer::List(Vec::new()),
            Piece::List(length) => {
                open.push((length, Vec::new()));
                continue;
            }
        };
        loop {
            // An answer that completes its list completes perhaps the list around that, too.
            let Some((length, list)) = open.last_mut() else { return Ok(answer) };
            list.push(answer);
            if list.len() < *length {
                break;
            }
            answer = Answer::List(open.pop().map_or_else(Vec::new, |(_, list)| list));
        }
    }
}

enum Piece {
    Whole(Answer),
    List(usize),
}

async fn piece(socket: &mut BufReader<TcpStream>) -> io::Result<Piece> {
    let mut line = String::new();
    socket.read_line(&mut line).await?;
    let line = line.trim_end();
    let Some((kind, rest)) = line.split_at_checked(1) else {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server hung up"));
    };
    let length = || rest.parse::<i64>().map_err(io::Error::other);
    let whole = match kind {
        "+" => Answer::Text(rest.to_owned()),
        "-" => Answer::Refused(rest.to_owned()),
        ":" => Answer::Number(length()?),
        "$" | "*" if length()? < 0 => Answer::Nothing,
        "$" => {
            let length = usize::try_from(length()?).map_err(io::Error::other)?;
            let mut text = vec![0; length + 2];
            socket.read_exact(&mut text).await?;
            text.truncate(length);
            Answer::Text(String::from_utf8_lossy(&text).into_owned())
        }
        "*" => return Ok(Piece::List(usize::try_from(length()?).map_err(io::Error::other)?)),
        _ => return Err(io::Error::other(format!("`{line}` is not from Redis"))),
    };
    Ok(Piece::Whole(whole))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn answered(bytes: &'static [u8]) -> Result<Answer> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::local(listener.local_addr().unwrap().port());
        let mut connection = Connection::open(&address).await.unwrap();
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(bytes).await.unwrap();
        drop(socket);
        connection.tell(&["PING"]).await
    }

    #[tokio::test]
    async fn answers_of_every_shape_are_read() {
        let text = |text: &str| Answer::Text(text.to_owned());
        assert_eq!(answered(b"+PONG\r\n").await.unwrap(), text("PONG"));
        assert_eq!(answered(b"$4\r\na\r\nb\r\n").await.unwrap(), text("a\r\nb"));
        assert_eq!(answered(b"$-1\r\n").await.unwrap(), Answer::Nothing);
        let nested = answered(b"*3\r\n*2\r\n:1\r\n*0\r\n$1\r\nx\r\n+y\r\n").await.unwrap();
        let inner = Answer::List(vec![Answer::Number(1), Answer::List(Vec::new())]);
        assert_eq!(nested, Answer::List(vec![inner, text("x"), text("y")]));
        assert_eq!(nested.texts(), ["x", "y"]);
        assert_eq!(text("a:1\r\nb:2\r\n").line("b"), Some("2"));
    }

    #[tokio::test]
    async fn refusals_and_silence_are_errors() {
        let refused = answered(b"-ERR no\r\n").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Protocol);
        assert!(refused.to_string().ends_with("refused `PING`: ERR no"), "{refused}");
        assert_eq!(answered(b"").await.unwrap_err().kind(), ErrorKind::Unavailable);
    }
}
