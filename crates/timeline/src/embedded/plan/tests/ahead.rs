//! What is planned while the batch before is being written.

use fastrand::Rng;
use fjall::Readable as _;

use super::*;
use crate::store::GroupChange;
use crate::{GroupMember, Role};

const MEMBERS: [&str; 4] = ["a", "b", "c", "d"];

/// A call, made alike in two stores.
enum Call {
    Send(Box<PreparedSend>),
    Ack(&'static str, u64),
    Read(&'static str, u64),
    Clear(&'static str),
    Forget(&'static str),
    Change(MessageChange),
    Group(GroupChange),
    Purge(Conversation),
}

impl Call {
    fn any_send(rng: &mut Rng) -> Self {
        let message = if rng.bool() { text("1") } else { long("2") };
        let append = if rng.bool() {
            to_b(message)
        } else {
            let members: Vec<_> = MEMBERS.into_iter().filter(|_| rng.bool()).collect();
            to_group(if members.is_empty() { &MEMBERS } else { &members }, message)
        };
        let token = rng.bool().then(|| {
            let id = MessageId::new(rng.u8(..6).to_string()).unwrap();
            IdempotencyKey::new(id, [u8::from(rng.u8(..8) == 0); 16])
        });
        Self::Send(Box::new(prepared(&Append { token, ..append })))
    }

    fn any(rng: &mut Rng) -> Self {
        let member = MEMBERS[rng.usize(..MEMBERS.len())];
        let conversation = if rng.bool() { pair() } else { group() };
        let members = vec![super::member(member)];
        match rng.u8(..16) {
            0 => Self::Ack(member, rng.u64(1..40)),
            1 => Self::Read(member, rng.u64(1..40)),
            2 => Self::Clear(member),
            3 => Self::Forget(member),
            4 => Self::Change(change(conversation, rng.u64(1..40), Change::Recall)),
            5 => Self::Change(edit(conversation, rng.u64(1..40), long("3"))),
            6 => Self::Group(GroupChange::Leave { members }),
            7 => Self::Group(GroupChange::Join { members, members_max: 10 }),
            8 if rng.bool() => Self::Purge(conversation),
            _ => Self::any_send(rng),
        }
    }

    /// Makes the call, and returns its answer.
    fn make(&self, plan: &mut Plan<'_>) -> String {
        match self {
            Self::Send(send) => format!("{:?}", plan.append(send, None)),
            Self::Ack(id, sequence) => format!("{:?}", plan.ack(&member(id), seq(*sequence))),
            Self::Read(id, sequence) => format!("{:?}", plan.read(&member(id), &group(), seq(*sequence))),
            Self::Clear(id) => format!("{:?}", plan.clear(&member(id), &group())),
            Self::Forget(id) => format!("{:?}", plan.forget(&member(id), None)),
            Self::Change(change) => format!("{:?}", plan.change_message(change, None)),
            Self::Group(change) => {
                format!("{:?}", plan.change_group(&GroupName::new("g").unwrap(), change, None))
            }
            Self::Purge(conversation) => format!("{:?}", plan.purge(conversation, None)),
        }
    }
}

fn make(calls: &[Call], plan: &mut Plan<'_>, seed: u64) -> Vec<String> {
    // The entries that tell of others get tags at random.
    fastrand::seed(seed);
    calls.iter().map(|call| call.make(plan)).collect()
}

impl World {
    fn open_group(directory: &Path) -> Self {
        let mut world = Self::open(directory);
        let keep = Keep::everything();
        world.recent = Recent::new(2);
        world.retention =
            Retention::new().inboxes(keep.entries(9)).pairs(keep.entries(5)).groups(keep.entries(7));
        let members = vec![GroupMember::new(member("a"), Role::Owner)];
        let create =
            GroupChange::Create { title: String::new(), open: true, members, without_history: false };
        let name = GroupName::new("g").unwrap();
        world.call(|plan| plan.change_group(&name, &create, None)).unwrap();
        world
    }

    /// Writes two batches, one after the other.
    fn write_both(&mut self, first: &[Call], second: &[Call], seed: u64) -> Vec<String> {
        let mut answers = Vec::new();
        for calls in [first, second] {
            self.write(|plan| answers.extend(make(calls, plan, seed)));
        }
        answers
    }

    /// Writes two batches, of which the second is planned before the first is written.
    fn write_ahead(&mut self, first: &[Call], second: &[Call], seed: u64) -> Vec<String> {
        let (tables, number) = (&self.opened.tables, self.opened.last_batch + 1);
        let before = BeforeBatch::new(tables, &self.recent).keeping(&self.retention);
        let mut draft = DraftBatch::new(number, self.now_ms);
        let mut answers = make(first, &mut Plan::new(before, &mut draft), seed);
        let Planned { batch, unwritten, .. } = draft.finish(tables).unwrap();
        let mut draft = DraftBatch::new(number + 1, self.now_ms);
        answers.extend(make(second, &mut Plan::new(before.behind(Some(&unwritten)), &mut draft), seed));
        self.opened.commit(batch).unwrap();
        unwritten.note(&mut self.recent);
        if let Some(Planned { batch, unwritten, .. }) = draft.finish(&self.opened.tables) {
            self.opened.commit(batch).unwrap();
            unwritten.note(&mut self.recent);
        }
        answers
    }

    /// Returns all that is written but the identity of the store.
    fn dump(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let tables = &self.opened.tables;
        let snapshot = tables.snapshot();
        let keyspaces = [&tables.entries, &tables.state, &tables.sends, &tables.bodies];
        let records = keyspaces.into_iter().flat_map(|keyspace| snapshot.iter(keyspace));
        let records = records.map(|guard| guard.into_inner().unwrap());
        let records = records.map(|(key, record)| (key.to_vec(), record.to_vec()));
        records.filter(|(key, _)| key != keys::IDENTITY).collect()
    }
}

#[test]
fn sends_planned_ahead_are_as_if_the_batch_before_were_there() {
    for seed in 0..if cfg!(miri) { 1 } else { 12 } {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (mut after, mut ahead) = (World::open_group(one.path()), World::open_group(other.path()));
        let mut rng = Rng::with_seed(seed);
        for round in 0..12 {
            // The first batch always writes something.
            let mut first = vec![Call::Send(Box::new(prepared(&to_b(text("0")))))];
            first.extend((0..rng.usize(..8)).map(|_| Call::any(&mut rng)));
            let second: Vec<_> = (0..rng.usize(1..6)).map(|_| Call::any_send(&mut rng)).collect();
            let told = format!("seed {seed}, round {round}");
            let expected = after.write_both(&first, &second, seed);
            assert_eq!(ahead.write_ahead(&first, &second, seed), expected, "{told}");
            assert!(ahead.dump() == after.dump(), "{told}: the stores differ");
        }
    }
}
