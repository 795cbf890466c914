//! The addresses of a host, and which of them answers first.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an address has before the next one is tried beside it.
///
/// Source: RFC 8305, section 5.
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the address that answers first.
///
/// They are tried in their order, but those of IPv6 and of IPv4 in turns: the next one when one
/// before it has failed, or has not answered for 250 ms. There is no time-out: who calls this has
/// one.
///
/// # Cancel safety
///
/// Dropped before it is ready, it leaves no connection.
///
/// # Errors
///
/// That of the address which failed last, or [`NotFound`](io::ErrorKind::NotFound) if there is no
/// address.
pub async fn connect(addresses: impl IntoIterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let addresses = in_turns(addresses.into_iter().collect());
    first_of(addresses, TcpStream::connect).await
}

/// Orders addresses so that those of IPv6 and of IPv4 take turns, the first one of all first.
fn in_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_ipv6_first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (ones, others): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == is_ipv6_first);
    let turns = ones.len().max(others.len());
    (0..turns).flat_map(|turn| [ones.get(turn), others.get(turn)]).flatten().copied().collect()
}

/// Returns what one of the addresses answers first, or how the last of them has failed.
///
/// The next one is tried when one before it has failed, or has had its head start.
async fn first_of<T, F>(addresses: Vec<SocketAddr>, connect: impl Fn(SocketAddr) -> F) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let (mut addresses, mut attempts) = (addresses.into_iter(), FuturesUnordered::new());
    let mut failure = None;
    loop {
        let outcome = match addresses.next() {
            Some(address) => {
                attempts.push(connect(address));
                timeout(HEAD_START, attempts.next()).await
            }
            None => Ok(attempts.next().await),
        };
        match outcome {
            Ok(Some(Ok(connected))) => return Ok(connected),
            Ok(Some(Err(fault))) => failure = Some(fault),
            Ok(None) => return Err(failure.unwrap_or_else(no_address)),
            Err(_elapsed) => {}
        }
    }
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "its name has no address")
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::{Instant, sleep};

    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("it is an address")
    }

    #[test]
    fn ipv6_and_ipv4_take_turns() {
        let addresses = ["[2001:db8::1]:80", "[2001:db8::2]:80", "[2001:db8::3]:80", "192.0.2.1:80"];
        let ordered = in_turns(addresses.map(address).to_vec());
        let turns = ["[2001:db8::1]:80", "192.0.2.1:80", "[2001:db8::2]:80", "[2001:db8::3]:80"];
        assert_eq!(ordered, turns.map(address));
        let ipv4_first = ["192.0.2.1:80", "[2001:db8::1]:80"].map(address);
        assert_eq!(in_turns(ipv4_first.to_vec()), ipv4_first);
        assert!(in_turns(Vec::new()).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_says_nothing_holds_up_the_next_for_its_head_start_alone() {
        let (dead, alive) = (address("[2001:db8::1]:80"), address("192.0.2.1:80"));
        let connect = move |address: SocketAddr| async move {
            if address == dead {
                pending::<()>().await;
            }
            Ok::<_, io::Error>(address)
        };
        let begun = Instant::now();
        let first = first_of(vec![dead, alive], connect).await.expect("one of them answers");
        assert_eq!(first, alive);
        assert!((HEAD_START..HEAD_START * 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_slow_is_taken_if_the_others_are_slower() {
        let (slow, dead) = (address("[2001:db8::1]:80"), address("192.0.2.1:80"));
        let connect = move |address: SocketAddr| async move {
            if address == dead {
                pending::<()>().await;
            }
            sleep(HEAD_START * 3).await;
            Ok::<_, io::Error>(address)
        };
        assert_eq!(first_of(vec![slow, dead, dead], connect).await.expect("one of them answers"), slow);
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_refuse_nobody_waits_and_the_last_says_why() {
        let refuse = |_: SocketAddr| async { Err::<(), io::Error>(io::ErrorKind::ConnectionRefused.into()) };
        let begun = Instant::now();
        let addresses = ["[2001:db8::1]:80", "192.0.2.1:80", "192.0.2.2:80"].map(address);
        let error = first_of(addresses.to_vec(), refuse).await.expect_err("all refuse");
        assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::ConnectionRefused, Duration::ZERO));
        let error = first_of(Vec::new(), refuse).await.expect_err("there is none");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
