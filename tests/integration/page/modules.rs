//! Modules of the page by themselves, where a server would have to answer in a rare order.

use serde_json::{Value, json};
use test_support::{Chromium, require};
use tests::Tidings;

/// A connection that the test answers for.
pub(super) const CONNECTION: &str = "
    const listeners = [], questions = [];
    let asked = () => {};
    const connection = {
        state: 'open',
        bind() {},
        on: (type, listener) => listeners.push({ type, listener }),
        call: (name, details) => new Promise((answer, refuse) => {
            questions.push({ name, details, answer, refuse });
            asked();
        }),
    };
    const tell = (type, detail) => {
        for (const each of listeners) if (each.type === type) each.listener(detail);
    };
    const settled = async () => { for (let turn = 0; turn < 20; turn += 1) await null; };
    const late = new Promise(done => setTimeout(done, 30_000, 'it is not asked again'));
    const life = new AbortController();
";

/// Presence on that connection, and what it tells.
pub(super) const PRESENCE: &str = "
    const { Presence } = await import('/assets/presence.js');
    const told = [];
    const hear = event => tell('message', { channel: '$presence', text: JSON.stringify(event) });
    const presence = new Presence(connection, life.signal);
    presence.on('change', () => told.push('change'));
    const known = () => ({ online: [...presence.online], count: presence.count, fresh: presence.fresh });
";

/// Runs the body of an async function in a page of the server.
pub(super) async fn run(body: &str) -> Option<Value> {
    let chromium = require(Chromium::start().await)?;
    let server = Tidings::start();
    let page = chromium.page().await.unwrap();
    page.open(&server.url("/")).await.unwrap();
    Some(page.evaluate(&format!("(async () => {{{body}}})()")).await.unwrap())
}

#[tokio::test]
async fn a_lag_while_a_snapshot_is_under_way_is_answered_by_the_second_one() {
    let test = "
        tell('open');
        hear({ lagged: true, position: '5' });
        questions[0].answer({ ids: ['Old'], count: 1, position: '4' });
        await settled();
        const before = { told: [...told], ...known() };
        hear({ id: 'Carol', status: 'ONLINE', position: '7' });
        questions[1].answer({ ids: ['Bob'], count: 5, position: '6' });
        await settled();
        return [before, { told, ...known() }];
    ";
    let Some(found) = run(&[CONNECTION, PRESENCE, test].concat()).await else { return };
    let before = json!({ "told": [], "online": [], "count": 0, "fresh": false });
    let after = json!({ "told": ["change"], "online": ["Bob", "Carol"], "count": 6, "fresh": true });
    assert_eq!(found, json!([before, after]), "the answer from before the lag does not count");
}

#[tokio::test]
async fn a_snapshot_that_fails_is_asked_for_again_and_changes_count_meanwhile() {
    let test = "
        tell('open');
        hear({ id: 'Bob', status: 'ONLINE', position: '1' });
        const again = new Promise(done => (asked = done));
        questions[0].refuse(new Error('presence is down'));
        await settled();
        hear({ id: 'Carol', status: 'ONLINE', position: '2' });
        const meanwhile = known();
        const missing = await Promise.race([again, late]);
        if (missing) return missing;
        questions[1].answer({ ids: ['Carol'], count: 1, position: '3' });
        await settled();
        return [meanwhile, known()];
    ";
    let Some(found) = run(&[CONNECTION, PRESENCE, test].concat()).await else { return };
    let meanwhile = json!({ "online": ["Bob", "Carol"], "count": 2, "fresh": false });
    assert_eq!(found, json!([meanwhile, { "online": ["Carol"], "count": 1, "fresh": true }]));
}

#[tokio::test]
async fn a_question_about_a_receipt_that_fails_is_asked_again() {
    let test = "
        const { Receipts } = await import('/assets/receipts.js');
        const receipts = new Receipts('Alice', null, connection, life.signal);
        receipts.current = 'Bob';
        const again = new Promise(done => (asked = done));
        questions[0].refuse(new Error('the store is down'));
        const missing = await Promise.race([again, late]);
        if (missing) return missing;
        questions[1].answer({ sequence: '7' });
        await settled();
        const asked_for = questions.map(({ name, details }) => [name, details.member]);
        return [asked_for, receipts.peers.get('Bob').cursor];
    ";
    let Some(found) = run(&[CONNECTION, test].concat()).await else { return };
    let question = json!(["received_of", "Bob"]);
    assert_eq!(found, json!([[question, question], 7]));
}

#[tokio::test]
async fn a_report_that_the_server_did_not_take_is_repeated() {
    let test = "
        const { Session } = await import('/assets/session.js');
        const session = new Session('Alice'), { connection, inbox } = session, reports = [];
        let reported = () => {};
        const report = () => new Promise(done => (reported = done));
        const late = new Promise(done => setTimeout(done, 30_000, 'it is not reported again'));
        [inbox.last, inbox.catchUp] = [3, async () => {}];
        // What reading the inbox would say.
        Object.defineProperty(inbox, 'sure', { value: true });
        const known = { store: 'one', ids: [], count: 0, position: '0' };
        connection.state = 'open';
        connection.call = (name, details) => name !== 'received' ? Promise.resolve(known) : new Promise((_, refuse) => {
            reports.push({ sequence: details.sequence, refuse });
            reported();
        });
        const first = report();
        connection.emit('open');
        await first;
        const again = report();
        reports[0].refuse(new Error('the store is down'));
        const missing = await Promise.race([again, late]);
        session.stop();
        return missing ?? reports.map(({ sequence }) => sequence);
    ";
    let Some(found) = run(test).await else { return };
    assert_eq!(found, json!([3, 3]));
}

#[tokio::test]
async fn a_place_that_was_not_used_is_no_message_that_was_lost() {
    let test = "
        const { readEntry } = await import('/assets/entry.js');
        const { Thread } = await import('/assets/thread.js');
        const gone = (sequence, status) => ({ sequence, message: '{}', kind: 'TOMBSTONE', status });
        const sent = { sequence: '1', message: '{\"text\":\"one\"}', from: 'Bob', to: 'Alice' };
        const entries = [sent, gone('2', 'UNUSED'), gone('3', 'LOST')].map(readEntry);
        const conversation = { key: 'direct:Bob', kind: 'direct', peer: 'Bob', title: 'Bob', members: [] };
        const thread = new Thread(conversation, 'Alice', async () => ({ entries, more: false }));
        await thread.open();
        return thread.records.map(({ sequence, message }) => [sequence, message.gone]);
    ";
    let Some(found) = run(test).await else { return };
    assert_eq!(found, json!([[1, null], [3, "lost"]]));
}

#[tokio::test]
async fn what_a_history_does_not_have_stays_before_what_comes_later() {
    let test = "
        const { Thread } = await import('/assets/thread.js');
        const sent = { from: 'Bob', to: 'Alice', group: null, at: null, kind: 'message' };
        const entry = (sequence, text) => ({ ...sent, sequence, message: text, id: text });
        const conversation = { key: 'direct:Bob', kind: 'direct', peer: 'Bob', title: 'Bob', members: [] };
        const pages = [[entry(1, 'first')], [entry(2, 'later')]];
        const fetch = async () => ({ entries: pages.shift(), more: false });
        const thread = new Thread(conversation, 'Alice', fetch);
        const claimed = { raw: 'claimed', text: 'claimed', from: 'Bob', verified: false, id: null };
        thread.addLive({ ...claimed, sure: false, at: null, storedAt: null, conversation }, 1);
        await thread.open();
        await thread.readNewer();
        return thread.records.map(record => record.raw);
    ";
    let Some(found) = run(test).await else { return };
    assert_eq!(found, json!(["first", "claimed", "later"]));
}
