//! More people online than the server lists.
//!
//! Nobody is left out without a word, and nobody is said to be away who is online.

use serde_json::json;
use test_support::{Chromium, Profile, require};
use tests::Tidings;

use super::isolation::store;
use super::modules::{CONNECTION, PRESENCE, run};
use super::person::{Person, row};

const COUNT: &str = "document.querySelector('#people-count').textContent";
const DETAIL: &str = "document.querySelector('#talk-detail').textContent";
const END: &str = "(document.querySelector('#list .list-end')?.textContent ?? '')";
const ONE_MORE: &str = "One more person is online. Type their full name above to find them.";

/// Leaves those behind the first letter out of the list, as if 1,000 others came before them.
const SHORT_LIST: &str = "(async () => {
    const { Connection } = await import('/assets/connection.js');
    const call = Connection.prototype.call;
    Connection.prototype.call = async function (name, details) {
        const answer = await call.call(this, name, details);
        return name === 'who' ? { ...answer, ids: answer.ids.filter(id => id < 'B') } : answer;
    };
    return true;
})()";

/// Questions over HTTP about who is online, which the test answers with those who are.
const STATUSES: &str = "
    const ask = window.fetch, statuses = [];
    window.fetch = (path, ...more) => !String(path).startsWith('/presence?') ? ask(path, ...more) : new Promise(resolve => {
        const ids = new URLSearchParams(path.split('?')[1]).getAll('id');
        const found = online => ids.map(id => ({ id, status: online.includes(id) ? 'ONLINE' : 'OFFLINE' }));
        statuses.push({ ids, answer: (...online) => resolve(new Response(JSON.stringify({ statuses: found(online) }))) });
    });
    const changed = () => new Promise(done => presence.on('change', done));
";

/// Zoe comes, and Alice after her, whose page is told of her number and not of her name.
async fn enter_both(chromium: &Chromium, zoes: &Profile, server: &Tidings) -> (Person, Person) {
    let zoe = Person::enter(zoes, server, "Zoe").await;
    // What the server tells of who is online has her in it by then.
    zoe.until(&format!("{COUNT} === '1 online'")).await;
    let page = chromium.profile().await.unwrap().page().await.unwrap();
    page.open(&server.url("/")).await.unwrap();
    assert!(page.evaluate::<bool>(SHORT_LIST).await.unwrap());
    let alice = Person::come_in(page, "Alice").await;
    alice.until(&format!("{COUNT} === '2 online'")).await;
    (alice, zoe)
}

#[tokio::test]
async fn a_list_with_more_people_than_it_names_says_so_and_finds_them_by_name() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start_with(&["--presence-grace=50ms"]);
    let zoes = chromium.profile().await.unwrap();
    let (alice, zoe) = enter_both(&chromium, &zoes, &server).await;
    let preview = |name: &str| format!("document.querySelector({})?.textContent", json!(preview_of(name)));
    alice.until(&format!("{END} === '{ONE_MORE}'")).await;
    alice.page.click("#new-group").await.unwrap();
    let found = "document.querySelector('#group-found').textContent";
    alice
        .until(&format!("{found} === 'One more person is known or online. Type their full name and add it.'"))
        .await;
    alice.page.click("#group-cancel").await.unwrap();

    // What is typed filters those who are listed, and the others may be called so, too.
    alice.page.fill("#search", "Zo").await.unwrap();
    let absent = "Not online; your message waits until they are back";
    alice.until(&format!("{} === '{absent}'", preview("Zo"))).await;
    assert_eq!(alice.value(END).await, ONE_MORE);
    alice.page.fill("#search", "Zoe").await.unwrap();
    alice.until(&format!("{} === 'Online'", preview("Zoe"))).await;
    alice.sees_online("Zoe", true).await;
    alice.until(&format!("{END} === ''")).await;
    alice.open("Zoe").await;
    alice.until(&format!("{DETAIL} === 'Online'")).await;
    zoe.page.close().await.unwrap();
    alice.until(&format!("{DETAIL}.startsWith('Offline')")).await;
    alice.had_no_trouble();
}

#[tokio::test]
async fn a_peer_whom_the_server_does_not_list_is_online_in_the_list_and_in_the_head() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    store(&server, "Zoe", "Alice", &json!({ "text": "hi" }).to_string()).await;
    let zoes = chromium.profile().await.unwrap();
    let (alice, zoe) = enter_both(&chromium, &zoes, &server).await;
    alice.sees_online("Zoe", true).await;
    alice.open("Zoe").await;
    alice.until(&format!("{DETAIL} === 'Online'")).await;
    alice.until(&format!("{END} === ''")).await;
    for person in [&alice, &zoe] {
        person.had_no_trouble();
    }
}

#[tokio::test]
async fn somebody_who_types_fast_has_one_question_under_way() {
    let test = "
        tell('open');
        questions[0].answer({ ids: ['Bob'], count: 3, position: '1' });
        await settled();
        const first = presence.isOnline('Z');
        await settled();
        for (const name of ['Z', 'Zo', 'Zoe']) presence.isOnline(name);
        await settled();
        const meanwhile = statuses.length;
        let answered = changed();
        statuses[0].answer();
        await answered;
        await settled();
        answered = changed();
        statuses[1].answer('Zoe');
        await answered;
        const online = ['Z', 'Zo', 'Zoe', 'Bob'].map(name => presence.isOnline(name));
        return [first, meanwhile, statuses.map(({ ids }) => ids), online, presence.unlisted];
    ";
    let Some(found) = run(&[CONNECTION, PRESENCE, STATUSES, test].concat()).await else { return };
    let online = [false, false, true, true];
    assert_eq!(found, json!([null, 1, [["Z"], ["Zoe", "Zo"]], online, 1]));
}

#[tokio::test]
async fn what_is_heard_while_the_server_is_asked_counts_more_than_its_answer() {
    let test = "
        tell('open');
        questions[0].answer({ ids: ['Bob'], count: 3, position: '1' });
        await settled();
        for (const name of ['Yan', 'Zoe']) presence.isOnline(name);
        await settled();
        hear({ id: 'Zoe', status: 'OFFLINE', position: '2' });
        hear({ id: 'Yan', status: 'ONLINE', position: '3' });
        const answered = changed();
        statuses[0].answer('Zoe');
        await answered;
        return ['Yan', 'Zoe'].map(name => presence.isOnline(name));
    ";
    let Some(found) = run(&[CONNECTION, PRESENCE, STATUSES, test].concat()).await else { return };
    assert_eq!(found, json!([true, false]));
}

#[tokio::test]
async fn a_question_about_somebody_that_fails_is_asked_again() {
    let test = "
        const paths = [], ask = window.fetch;
        window.fetch = async (path, ...more) => {
            if (!String(path).startsWith('/presence?')) return ask(path, ...more);
            paths.push(path);
            if (paths.length === 1) throw new TypeError('away');
            return new Response(JSON.stringify({ statuses: [{ id: 'Zoe', status: 'ONLINE' }] }));
        };
        const found = new Promise(done => presence.on('change', () => presence.isOnline('Zoe') && done()));
        tell('open');
        questions[0].answer({ ids: ['Bob'], count: 2, position: '1' });
        return await Promise.race([found, late]) ?? paths;
    ";
    let Some(found) = run(&[CONNECTION, PRESENCE, test].concat()).await else { return };
    assert_eq!(found, json!(["/presence?id=Zoe", "/presence?id=Zoe"]));
}

fn preview_of(name: &str) -> String {
    format!("{} .row-preview", row(&format!("direct:{name}")))
}
