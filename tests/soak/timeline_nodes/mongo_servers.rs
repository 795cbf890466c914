//! The replica set, and what is done to it.

use std::time::Duration;

use bson::doc;
use fastrand::Rng;
use test_support::{Mongo, MongoSet};
use tokio::time::{sleep, timeout};

use crate::disturbance::Disturbance;
use crate::fault::Fault;
use crate::pause::{moment, pause};

/// A replica set of three members.
pub(crate) struct MongoServers(MongoSet);

/// Longer than the time of an election, and than what a call may take.
const FROZEN: Duration = Duration::from_secs(10);

/// What a mongod does for tests: it throws away what it is sent of the log of the primary.
const NOTHING_NEW: &str = "stopReplProducer";

/// What a mongod does for tests: commands of clients wait, and are done then.
const SLOW: &str = "failCommand";

/// How long a member has to find out that its last writes are undone.
const UNDONE: Duration = Duration::from_secs(20);

impl MongoServers {
    pub(crate) async fn start() -> Result<Self, Fault> {
        Ok(Self(MongoSet::start().await?))
    }

    pub(crate) fn url(&self) -> String {
        self.0.url()
    }

    /// Does what is done to MongoDB, and returns once it is over.
    ///
    /// It lasts for `longest` at most, and what follows from it. The answer is whether it took
    /// effect.
    pub(crate) async fn inflict(
        &self,
        disturbance: Disturbance,
        rng: &mut Rng,
        longest: Duration,
    ) -> Result<bool, Fault> {
        let (primary, secondaries) = self.members().await?;
        let mut took_effect = true;
        match disturbance {
            Disturbance::PrimaryKilled => {
                primary.kill()?;
                pause(rng, longest).await;
                primary.restart().await?;
            }
            Disturbance::PrimaryFrozen => freeze(&[primary], FROZEN.min(longest)).await?,
            Disturbance::PrimaryDeposed => {
                self.0.step_down().await?;
            }
            Disturbance::PrimaryRolledBack => {
                took_effect = self.roll_back(primary, secondaries, rng, longest).await?;
            }
            Disturbance::SecondaryFrozen => {
                let one = secondaries[rng.usize(0..2)];
                freeze(&[one], FROZEN.min(longest)).await?;
            }
            Disturbance::MajorityLost => {
                for secondary in secondaries {
                    secondary.kill()?;
                }
                pause(rng, longest).await;
                for secondary in secondaries {
                    secondary.restart().await?;
                }
            }
            Disturbance::MajorityFrozen => freeze(&secondaries, FROZEN.min(longest)).await?,
            _ => took_effect = false,
        }
        self.0.primary().await?;
        Ok(took_effect)
    }

    /// Has the primary take so long for each command, and returns its number.
    pub(crate) async fn slow_down(&self, time: Duration) -> Result<usize, Fault> {
        let primary = self.0.primary().await?;
        let data = doc! {
            "failCommands": ["aggregate", "find", "findAndModify", "insert", "update"],
            "blockConnection": true,
            "blockTimeMS": i64::try_from(time.as_millis())?,
        };
        self.0.member(primary).fail(SLOW, "alwaysOn", data).await?;
        Ok(primary)
    }

    /// Ends what [`slow_down`](Self::slow_down) began.
    pub(crate) async fn speed_up(&self, number: usize) -> Result<(), Fault> {
        Ok(self.0.member(number).heal(SLOW).await?)
    }

    /// Returns the primary, and the others.
    async fn members(&self) -> Result<(&Mongo, [&Mongo; 2]), Fault> {
        let primary = self.0.primary().await?;
        let others = [(primary + 1) % 3, (primary + 2) % 3].map(|number| self.0.member(number));
        Ok((self.0.member(primary), others))
    }

    /// Has the primary write what no other member gets, and the others go on without it.
    ///
    /// The others are not frozen: what lay in their buffers then could reach them in the end. The
    /// answer is whether writes were undone.
    async fn roll_back(
        &self,
        primary: &Mongo,
        secondaries: [&Mongo; 2],
        rng: &mut Rng,
        longest: Duration,
    ) -> Result<bool, Fault> {
        let before = rollbacks(primary).await?;
        for secondary in secondaries {
            secondary.fail(NOTHING_NEW, "alwaysOn", doc! {}).await?;
        }
        moment(rng, longest).await;
        primary.kill()?;
        for secondary in secondaries {
            secondary.heal(NOTHING_NEW).await?;
        }
        self.0.primary().await?;
        pause(rng, longest).await;
        primary.restart().await?;
        let undone = async {
            // It ends connections meanwhile, and answers on others.
            while !rollbacks(primary).await.is_ok_and(|now| now != before) {
                sleep(Duration::from_millis(50)).await;
            }
        };
        Ok(timeout(UNDONE.min(5 * longest), undone).await.is_ok())
    }
}

/// Has members stand still for so long.
async fn freeze(members: &[&Mongo], time: Duration) -> Result<(), Fault> {
    for member in members {
        member.freeze().await?;
    }
    sleep(time).await;
    for member in members {
        member.thaw().await?;
    }
    Ok(())
}

/// Returns a number that a member counts up when its writes are undone.
async fn rollbacks(member: &Mongo) -> Result<i32, Fault> {
    Ok(member.command("admin", doc! { "replSetGetRBID": 1 }).await?.get_i32("rbid")?)
}
