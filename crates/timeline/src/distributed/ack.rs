//! Acknowledgements, and how floors rise.

use std::sync::Arc;

use mongo_link::ErrorKind as LinkErrorKind;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::options::ReturnDocument;

use super::box_id::{BoxId, Side};
use super::clock;
use super::database::of_link;
use super::documents::{Head, time};
use super::shared::Shared;
use super::{keeper, read};
use crate::{Error, ErrorKind, MemberId, Result, Seq};

/// How often a head is made again, because another node makes it at the same time.
const ATTEMPTS: usize = 4;

/// Frees an inbox up to a sequence, and returns its floor.
///
/// It does what [`Store::ack`](crate::Store::ack) says. Nothing is removed here: the floor alone
/// says what is free, and the keeper removes that later.
pub(super) async fn ack(shared: &Arc<Shared>, member: &MemberId, sequence: Seq) -> Result<Seq> {
    let inbox = BoxId::inbox(member);
    let head = read::check_reaches(shared, &inbox, sequence).await?;
    if sequence <= head.floor {
        return Ok(head.floor);
    }
    let before = raise_floor(shared, Side::Inbox, &inbox, sequence).await?;
    keeper::freed(shared, &inbox, before.max(sequence)).await;
    if before < sequence {
        shared.teller.freed(member);
    }
    Ok(before.max(sequence))
}

/// Raises the floor of a box, and returns the one before; it never falls.
///
/// A majority has it before this returns: what is up to the floor may be removed then. The top of
/// the box is known from then on also when nothing is left of it.
pub(super) async fn raise_floor(shared: &Shared, side: Side, boxed: &BoxId, floor: Seq) -> Result<Seq> {
    debug_assert_eq!(side, boxed.side());
    let mut highest = doc! {
        "floor": floor.to_i64(),
        "top": floor.to_i64(),
        "floor_at": time(clock::unix_ms()),
    };
    // The times of a history go on from there when nothing is left of it.
    if side == Side::History
        && let Some(last) = read::entry(shared, side, boxed, floor).await?
    {
        highest.insert("last_at", time(last.entry.at_ms));
    }
    Ok(raise(shared, boxed, &highest).await?.floor)
}

/// Raises numbers of the head of a box, and returns the head before.
///
/// None of them falls. The head is made if there is none.
pub(super) async fn raise(shared: &Shared, boxed: &BoxId, highest: &Document) -> Result<Head> {
    for _ in 0..ATTEMPTS {
        let raised = boxed.clone();
        let update = doc! { "$max": highest.clone(), "$setOnInsert": Head::on_insert(boxed) };
        let before = shared.database.call_raw(move |collections| async move {
            let entries = collections.entries_of(raised.side()).clone_with_type::<RawDocumentBuf>();
            let update = entries.find_one_and_update(Head::filter(&raised), update);
            update.upsert(true).return_document(ReturnDocument::Before).await
        });
        match before.await {
            Ok(before) => return before.map_or_else(|| Ok(Head::default()), |head| Head::read(&head, boxed)),
            // Two who make a head at once are told so by the index; the later one finds it then.
            Err(error) if error.kind() == LinkErrorKind::Conflict => {}
            Err(error) => return Err(of_link(error)),
        }
    }
    let text = "the head of a box is made by several nodes again and again; try again";
    Err(Error::new(ErrorKind::Unavailable, text))
}
