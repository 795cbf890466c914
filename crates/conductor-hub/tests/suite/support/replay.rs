//! A handler that answers from a history.

use std::sync::Arc;

use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{Answer, ChannelHistory, Connection, Handler};

/// Answers a Server message with what is kept of the channel it names.
pub(crate) struct Replay(pub(crate) Arc<ChannelHistory>);

impl Handler for Replay {
    fn call(&self, _connection: &Arc<Connection>, message: Message) -> Answer {
        let end = Message::with_uuid(Opcode::SERVER, message.uuid, "", "done");
        Answer::many(self.0.replay(&message.channel, usize::MAX).chain([end]))
    }
}
