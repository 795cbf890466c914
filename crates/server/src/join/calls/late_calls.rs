//! The calls whose answer has to wait, for the store or for the keys of a login.

use std::sync::Arc;

use async_trait::async_trait;
use tidings::hub::calls::AsyncHandler;
use tidings::hub::protocol::Message;
use tidings::hub::{Answer, Connection};
use tidings::join::receipts::{Receipts, receipt};
use tidings::timeline::MemberId;

use super::call::{Call, Number};
use super::fault::Fault;
use super::logins::Logins;
use super::reply::{message_of, refusal};

/// Answers the calls that come by way of a queue.
pub(in crate::join) struct LateCalls {
    receipts: Receipts,
    logins: Logins,
}

impl LateCalls {
    pub(in crate::join) fn new(receipts: Receipts, logins: Logins) -> Self {
        Self { receipts, logins }
    }

    async fn answer(&self, connection: &Arc<Connection>, message: &Message) -> Result<String, Fault> {
        match Call::read(&message.channel, &message.body)? {
            Call::Received { sequence } => self.received(connection, sequence).await,
            Call::ReceivedOf { member: name } => {
                let member = member(&name)?;
                let sequence = self.receipts.received_of(&member).await;
                Ok(receipt(&member, sequence.map_err(|error| error.to_string())?))
            }
            Call::Login { token } => Ok(self.logins.login(connection, &token).await?.to_string()),
            Call::Refresh { token } => Ok(self.logins.refresh(connection, &token).await?.to_string()),
            // What need not wait is answered before the queues.
            Call::Ping {} | Call::Hello {} | Call::Who {} | Call::History { .. } | Call::Show { .. } => {
                Err("this call does not wait for anything".into())
            }
        }
    }

    async fn received(&self, connection: &Connection, sequence: Number) -> Result<String, Fault> {
        let user = connection.user().ok_or("this connection has no user, and so no inbox")?;
        let (member, sequence) = (member(user)?, sequence.read()?);
        let received = self.receipts.received(&member, sequence).await;
        Ok(receipt(&member, received.map_err(|error| error.to_string())?))
    }
}

#[async_trait]
impl AsyncHandler for LateCalls {
    async fn call(&self, connection: &Arc<Connection>, message: Message) -> Answer {
        let fault = match self.answer(connection, &message).await {
            Ok(answer) => return message_of(message.uuid, answer).into(),
            Err(fault) => fault,
        };
        let answer = message_of(message.uuid, refusal(&fault.text).to_string());
        let Some(reason) = fault.ends else { return answer.into() };
        // The order matters: what is queued before the close is still written.
        if let Err(error) = connection.send(&answer) {
            tracing::debug!(connection = %connection.id(), %error, "a client does not hear why it is closed");
        }
        connection.close(reason);
        Answer::none()
    }
}

fn member(name: &str) -> Result<MemberId, String> {
    MemberId::new(name).map_err(|error| format!("member: {error}"))
}
