//! People who send.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::Failure;
use crate::random::Random;

/// How many send and read.
pub(crate) const MEMBERS: usize = 24;

/// A message that the server has acknowledged.
#[derive(Debug)]
pub(crate) struct Acknowledged {
    pub(crate) sender: usize,
    pub(crate) number: u64,
    /// In whose inboxes it has to be.
    pub(crate) members: Vec<usize>,
}

/// What senders share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) client: reqwest::Client,
    /// The address of the server, which it keeps.
    pub(crate) server: String,
    pub(crate) go: watch::Receiver<bool>,
    /// How many tasks have nothing under way.
    pub(crate) quiet: Arc<watch::Sender<usize>>,
    pub(crate) acknowledged: Arc<Mutex<Vec<Acknowledged>>>,
}

/// One of them, who sends one message after the other, each until it is acknowledged.
pub(crate) struct Sender {
    shared: Shared,
    member: usize,
    number: u64,
    random: Random,
}

impl Sender {
    pub(crate) fn new(shared: Shared, member: usize) -> Self {
        Self { shared, member, number: 0, random: Random::new(member as u64) }
    }

    /// Sends while others let it; ends with the first refusal that no patience would mend.
    pub(crate) async fn run(mut self) -> Result<(), Failure> {
        let quiet = Arc::clone(&self.shared.quiet);
        let mut go = self.shared.go.clone();
        quiet.send_modify(|quiet| *quiet += 1);
        while go.wait_for(|go| *go).await.is_ok() {
            quiet.send_modify(|quiet| *quiet -= 1);
            while *go.borrow() {
                self.send().await?;
                sleep(Duration::from_millis(50 + self.random.below(100) as u64)).await;
            }
            quiet.send_modify(|quiet| *quiet += 1);
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<(), Failure> {
        self.number += 1;
        let text = "x".repeat(10 + self.random.below(1_500));
        let message = json!({ "n": self.number, "by": self.member, "text": text }).to_string();
        let id = format!("{}-{}", self.member, self.number);
        let (path, body, members) = if self.number.is_multiple_of(20) {
            let members: Vec<_> = (0..MEMBERS).filter(|member| *member != self.member).collect();
            let names: Vec<_> = members.iter().copied().map(name).collect();
            let body =
                json!({ "groupName": "all", "groupMembers": names, "message": message, "messageId": id });
            ("/timeline/sendGroup", body, members)
        } else {
            let to = (self.member + 1 + self.random.below(MEMBERS - 1)) % MEMBERS;
            let body =
                json!({ "from": name(self.member), "to": name(to), "message": message, "messageId": id });
            ("/timeline/send", body, vec![self.member, to])
        };
        while !self.attempt(path, &body).await? {
            sleep(Duration::from_millis(50)).await;
        }
        self.shared.acknowledged.lock().push(Acknowledged {
            sender: self.member,
            number: self.number,
            members,
        });
        Ok(())
    }

    /// Whether the server took it.
    async fn attempt(&self, path: &str, body: &Value) -> Result<bool, Failure> {
        let post = self.shared.client.post(format!("{}{path}", self.shared.server)).json(body);
        let Ok(answer) = post.send().await else { return Ok(false) };
        let status = answer.status();
        let Ok(text) = answer.text().await else { return Ok(false) };
        match status.as_u16() {
            200 => {
                let answer: Value = serde_json::from_str(&text)?;
                let failed = answer
                    .get("failedMembers")
                    .and_then(Value::as_array)
                    .is_some_and(|failed| !failed.is_empty());
                Ok(!failed)
            }
            408 | 429 | 500..=599 => Ok(false),
            _ => Err(format!("a send was refused with {status}: {text}").into()),
        }
    }
}

/// The name of a member.
pub(crate) fn name(member: usize) -> String {
    format!("member-{member}")
}
