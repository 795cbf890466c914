//! What a message costs us.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;

use benches::budget::Effort;
use benches::flood::channel;
use benches::tally::Tally;
use mpx::{ChannelSubscription, Config, Event, Multiplexer};

use crate::flow::Flow;

/// Each channel has a subscription of its own, and that a handler.
pub(crate) fn handlers<const BYTES: usize, const CHANNELS: usize>(
    effort: Effort,
) -> Result<f64, Box<dyn Error>> {
    let flow = Flow::start(CHANNELS, BYTES)?;
    let tally = Arc::<Tally>::default();
    let (_multiplexer, _subscriptions) =
        flow.prepare(async |redis| subscribe(redis.url(), &tally, (0..CHANNELS).map(channel)).await)?;
    flow.per_message(effort, async |messages| {
        tally.expect(messages);
        tally.all().await;
        Ok(())
    })
}

/// All subscribe to the same channel.
pub(crate) fn fanout<const BYTES: usize, const SUBSCRIPTIONS: usize>(
    effort: Effort,
) -> Result<f64, Box<dyn Error>> {
    let flow = Flow::start(1, BYTES)?;
    let tally = Arc::<Tally>::default();
    let names = (0..SUBSCRIPTIONS).map(|_| channel(0));
    let (_multiplexer, _subscriptions) =
        flow.prepare(async |redis| subscribe(redis.url(), &tally, names).await)?;
    let per_message = flow.per_message(effort, async |messages| {
        tally.expect(messages * SUBSCRIPTIONS);
        tally.all().await;
        Ok(())
    })?;
    Ok(per_message / SUBSCRIPTIONS as f64)
}

/// One subscription with all channels, whose stream is read.
pub(crate) fn stream<const BYTES: usize, const CHANNELS: usize>(
    effort: Effort,
) -> Result<f64, Box<dyn Error>> {
    let flow = Flow::start(CHANNELS, BYTES)?;
    let (_multiplexer, _subscription, mut events) = flow.prepare(async |redis| {
        // What is measured is not when messages are dropped; redis-rs has no bound at all.
        let config = Config::new(redis.url()).queue_max(1 << 20);
        let multiplexer = Multiplexer::start(config)?;
        let (subscription, events) = multiplexer.channels()?;
        for name in (0..CHANNELS).map(channel) {
            subscription.add(&name)?;
            subscription.wait_for_activation(&name).await?;
        }
        Ok((multiplexer, subscription, events))
    })?;
    flow.per_message(effort, async |messages| {
        let mut left = messages;
        while left > 0 {
            match events.next().await.ok_or("the stream ended")?? {
                Event::Message(message) => {
                    black_box(&message.payload);
                    left -= 1;
                }
                Event::Activated { .. } => {}
                other => return Err(format!("unexpected {other:?}").into()),
            }
        }
        Ok(())
    })
}

async fn subscribe(
    url: &str,
    tally: &Arc<Tally>,
    names: impl Iterator<Item = String>,
) -> Result<(Multiplexer, Vec<ChannelSubscription>), Box<dyn Error>> {
    let multiplexer = Multiplexer::start(Config::new(url))?;
    let mut subscriptions = Vec::new();
    for name in names {
        let tally = Arc::clone(tally);
        let subscription = multiplexer.channels_to(move |_: &[u8], payload: &[u8]| {
            black_box(payload);
            tally.count();
        })?;
        subscription.add(&name)?;
        subscriptions.push((subscription, name));
    }
    for (subscription, name) in &subscriptions {
        subscription.wait_for_activation(name).await?;
    }
    Ok((multiplexer, subscriptions.into_iter().map(|(subscription, _)| subscription).collect()))
}
