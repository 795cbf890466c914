//! `GET /presence?id=a&id=b`: statuses in the order of the ids, bad ids by name.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use tidings::presence::{ErrorKind, Failure, Presence, Status};
use tidings::timeline::{AnswerMemory, AnswerPermit, RequestConnection};

use super::answer;

const IDS_MAX: usize = 1_000;

/// What is answered about an id takes so many bytes as a rule, besides its letters.
const ID_BYTES: usize = 256;

pub(super) async fn presence(
    State(presence): State<Presence>,
    State(answers): State<AnswerMemory>,
    connection: Option<Extension<RequestConnection>>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Response {
    let Ok(Query(query)) = query else {
        return answer::error(
            StatusCode::BAD_REQUEST,
            "INVALID_QUERY",
            "the query cannot be read; write it like ?id=alice&id=bob",
        );
    };
    let ids: Vec<String> = query.into_iter().filter(|(name, _)| name == "id").map(|(_, id)| id).collect();
    if ids.is_empty() {
        return answer::error(
            StatusCode::BAD_REQUEST,
            "NO_ID",
            "ask for at least one id, like /presence?id=alice&id=bob",
        );
    }
    if ids.len() > IDS_MAX {
        return answer::error(StatusCode::BAD_REQUEST, "TOO_MANY_IDS", "ask for at most 1,000 ids at once");
    }
    // The order matters: room is taken before presence is asked, or as many answers would be in
    // memory as clients ask for.
    let most = ids.iter().map(|id| ID_BYTES + answer::JSON_PER_BYTE * id.len()).sum();
    let connection = connection.map(|Extension(connection)| connection);
    let Some(permit) = answers.reserve_bytes(most, connection).await else { return answer::busy() };
    match presence.status(ids.iter().map(String::as_str)).await {
        Ok(statuses) => answer::held(StatusCode::OK, permit, &json!({ "statuses": listed(&ids, &statuses) })),
        Err(error) => {
            let kind = error.kind();
            // One bad id must not take the statuses of the others away from who asks.
            let (statuses, failures) = error.into_parts();
            partly(permit, kind, &failures, listed(&ids, &statuses))
        }
    }
}

fn listed(ids: &[String], statuses: &[Status]) -> Vec<Value> {
    let pairs = ids.iter().zip(statuses);
    pairs.map(|(id, status)| json!({ "id": id, "status": status.to_string() })).collect()
}

/// Answers with every status that is known, and an error beside each that is not.
fn partly(permit: AnswerPermit, kind: ErrorKind, failures: &[Failure], mut statuses: Vec<Value>) -> Response {
    for failure in failures {
        if let Some(status) = statuses.get_mut(failure.index()) {
            status["error"] = failure.error().to_string().into();
        }
    }
    let (status, reason) = answer::fault(kind, "INVALID_ID");
    let message = format!(
        "{} of {} ids have no status; the error beside each says why",
        failures.len(),
        statuses.len()
    );
    let body = json!({
        "code": status.as_u16(), "reason": reason, "message": message, "metadata": {}, "statuses": statuses,
    });
    answer::held(status, permit, &body)
}
