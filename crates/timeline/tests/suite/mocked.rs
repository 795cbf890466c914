//! Stores of tests that answer no more calls than their tests make.

use timeline::{Error, ErrorKind};

/// Makes a store of a type that answers these calls.
///
/// Those about messages that were sent, and about conversations, it refuses.
macro_rules! store {
    ($store:ty { $($calls:tt)* }) => {
        #[async_trait::async_trait]
        impl timeline::Store for $store {
            $($calls)*

            async fn change_message(&self, _: timeline::MessageChange) -> timeline::Result<timeline::Changed> {
                Err($crate::mocked::not_made())
            }

            async fn read(
                &self,
                _: &timeline::MemberId,
                _: &timeline::Conversation,
                _: timeline::Seq,
            ) -> timeline::Result<timeline::Seq> {
                Err($crate::mocked::not_made())
            }

            async fn read_of(
                &self,
                _: &timeline::Conversation,
                _: &[timeline::MemberId],
            ) -> timeline::Result<Vec<timeline::Seq>> {
                Err($crate::mocked::not_made())
            }

            async fn view(
                &self,
                _: &timeline::MemberId,
                _: &timeline::Conversation,
            ) -> timeline::Result<Option<timeline::ConversationView>> {
                Err($crate::mocked::not_made())
            }

            async fn views(
                &self,
                _: &timeline::MemberId,
                _: Option<&timeline::Conversation>,
                _: timeline::Count,
            ) -> timeline::Result<timeline::ViewPage> {
                Err($crate::mocked::not_made())
            }

            async fn conversations(
                &self,
                _: &timeline::MemberId,
                _: Option<&timeline::ConversationMark>,
                _: timeline::Count,
            ) -> timeline::Result<timeline::ConversationPage> {
                Err($crate::mocked::not_made())
            }

            async fn clear(
                &self,
                _: &timeline::MemberId,
                _: &timeline::Conversation,
            ) -> timeline::Result<()> {
                Err($crate::mocked::not_made())
            }

            async fn purge(&self, _: &timeline::Conversation) -> timeline::Result<timeline::Seq> {
                Err($crate::mocked::not_made())
            }

            async fn forget(&self, _: &timeline::MemberId) -> timeline::Result<()> {
                Err($crate::mocked::not_made())
            }
        }
    };
}
pub(crate) use store;

/// What a test is told that makes such a call all the same.
pub(crate) fn not_made() -> Error {
    Error::new(ErrorKind::Unavailable, "the store of this test does not answer this call")
}
