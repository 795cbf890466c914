//! A client's connection, for what a test does beside the product.

use std::time::Duration;

use redis::AsyncConnectionConfig;
use redis::Client;
use redis::RedisResult;
use redis::aio::MultiplexedConnection;

/// Connects to a Redis as redis-rs does, with more patience.
///
/// Its own half a second for an answer is what a busy machine may need, or a server that the test
/// holds up.
///
/// # Errors
///
/// Those of redis-rs: the text is not an address, nobody answers there within a minute, or the
/// server refuses the user or the password.
pub async fn redis_connection(url: &str) -> RedisResult<MultiplexedConnection> {
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(Some(LIMIT)).set_response_timeout(Some(LIMIT));
    Client::open(url)?.get_multiplexed_async_connection_with_config(&config).await
}

const LIMIT: Duration = Duration::from_secs(60);
