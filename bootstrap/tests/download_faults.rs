//! Every way a download goes wrong that we could think of, on real sockets: it converges or it says
//! what happened, and nothing unverified ever has the installer's name.

#[expect(unreachable_pub, reason = "a test has no outside")]
mod download;

use std::time::Duration;

use download::bench::{Bench, file, sha256};
use download::proxy::Proxy;
use download::server::{Act, Seen, Server, answer, broken, honest, part, status, whole};
use download::trust::Authority;
use vivarium_bootstrap::host::http::Proxies;
use vivarium_bootstrap::step::Failure;

const SIZE: usize = 300_000;
const TAG: &str = "\"one\"";

/// A server that does this once and is honest from then on, and a bench for its file.
async fn once(fault: impl Fn(&[u8], &Seen) -> Vec<Act> + Send + Sync + 'static) -> (Server, Bench) {
    let bytes = file(SIZE);
    let wanted = bytes.clone();
    let server = Server::plain(move |seen| match seen.number {
        0 => fault(&bytes, seen),
        _ => honest(&bytes, TAG, seen),
    })
    .await;
    let bench = Bench::new(vec![server.url("/installer.sh")], &wanted);
    (server, bench)
}

/// A server that always does this, and a bench for its file.
async fn always(fault: impl Fn(&[u8], &Seen) -> Vec<Act> + Send + Sync + 'static) -> (Server, Bench) {
    let bytes = file(SIZE);
    let wanted = bytes.clone();
    let server = Server::plain(move |seen| fault(&bytes, seen)).await;
    let bench = Bench::new(vec![server.url("/installer.sh")], &wanted);
    (server, bench)
}

/// A server that gives half, then this to whoever asks for the rest, then is honest.
async fn half_then(fault: impl Fn(&[u8], &Seen) -> Vec<Act> + Send + Sync + 'static) -> (Server, Bench) {
    let bytes = file(SIZE);
    let wanted = bytes.clone();
    let server = Server::plain(move |seen| match seen.number {
        0 => half(&bytes),
        1 => fault(&bytes, seen),
        _ => honest(&bytes, TAG, seen),
    })
    .await;
    let bench = Bench::new(vec![server.url("/installer.sh")], &wanted);
    (server, bench)
}

/// Half of the file, then the connection is closed in good order: all of it arrives.
fn half(bytes: &[u8]) -> Vec<Act> {
    broken(bytes, TAG, SIZE / 2, Act::Head(String::new()))
}

fn froms(server: &Server) -> Vec<Option<usize>> {
    server.seen().iter().map(|seen| seen.from).collect()
}

#[tokio::test]
async fn a_file_comes_whole_in_one_request_from_an_honest_server() {
    let (server, bench) = always(|bytes, seen| honest(bytes, TAG, seen)).await;
    let fetched = bench.fetch().await.expect("it is there");
    assert_eq!((fetched.bytes, fetched.resumed, froms(&server)), (SIZE as u64, 0, vec![None]));
    assert!(server.seen()[0].head.contains("user-agent: vivarium-agent/"));
    let again = bench.fetch().await.expect("it is here");
    assert_eq!((again.from, server.seen().len()), (None, 1));
}

#[tokio::test]
async fn a_truncated_body_is_taken_up_where_it_ended_if_the_file_is_still_the_same() {
    let (server, bench) = once(|bytes, _| half(bytes)).await;
    bench.fetch().await.expect("it converges");
    assert_eq!(froms(&server), [None, Some(SIZE / 2)]);
    assert_eq!(server.seen()[1].header("if-range"), Some(TAG));
    assert_eq!(server.seen()[1].sent, SIZE / 2);
}

#[tokio::test]
async fn a_body_that_is_always_truncated_fails_with_the_bytes_so_far() {
    let (_server, bench) = always(|bytes, seen| match seen.from {
        None => half(bytes),
        Some(from) => broken_part(bytes, from),
    })
    .await;
    let failed = bench.fetch().await.expect_err("it never comes");
    assert_eq!(failed.failure, Failure::Download);
    failed.says(&["installer.sh", "http://127.0.0.1", "after 150000 of 300000 bytes", "hint: run again"]);
}

/// The head of the rest, and not a byte of it.
fn broken_part(bytes: &[u8], from: usize) -> Vec<Act> {
    let mut acts = part(bytes, from, TAG);
    acts.truncate(1);
    acts
}

#[tokio::test]
async fn a_length_too_short_gives_a_file_that_is_refused_with_both_hashes() {
    let (server, bench) = always(|bytes, _| answer("200 OK", &[("content-length", "1000")], bytes)).await;
    let failed = bench.fetch().await.expect_err("it is cut");
    let cut = sha256(&file(SIZE)[..1000]);
    failed.says(&[bench.request.sha256.as_str(), cut.as_str()]);
    assert_eq!(froms(&server), [None, None], "once more from the first byte, and no third time");
}

#[tokio::test]
async fn a_length_too_long_ends_in_a_question_for_more_and_a_verified_file() {
    let (server, bench) = always(|bytes, seen| match seen.from {
        None => answer("200 OK", &[("content-length", "300100"), ("etag", TAG)], bytes),
        Some(_) => honest(bytes, TAG, seen),
    })
    .await;
    bench.fetch().await.expect("all of it came");
    assert_eq!(froms(&server), [None, Some(SIZE)]);
}

#[tokio::test]
async fn a_size_other_than_the_one_known_beforehand_is_refused_before_a_byte_is_kept() {
    let (_server, mut bench) = always(|bytes, _| whole(&bytes[..1000], TAG)).await;
    bench.request.expected_size = Some(SIZE as u64);
    let failed = bench.fetch().await.expect_err("it is another file");
    failed.says(&["offers a file of 1000 bytes, but the one wanted has 300000"]);
}

#[tokio::test]
async fn a_body_without_end_is_cut_off_at_the_size_known_beforehand() {
    let (server, mut bench) = always(|bytes, _| {
        let mut acts = answer("200 OK", &[], bytes);
        acts.push(Act::Body(bytes.to_vec()));
        acts.push(Act::Hang);
        acts
    })
    .await;
    bench.request.expected_size = Some(SIZE as u64);
    bench.fetch().await.expect_err("it is more").says(&["sends more than the 300000 bytes"]);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_changed_tag_on_resuming_begins_again_although_the_server_gives_a_part() {
    let (server, bench) = half_then(|bytes, seen| part(bytes, seen.from.expect("a part"), "\"two\"")).await;
    bench.fetch().await.expect("it converges");
    assert_eq!(froms(&server), [None, Some(SIZE / 2), None]);
}

#[tokio::test]
async fn a_changed_size_on_resuming_begins_again() {
    let (server, bench) = half_then(|bytes, seen| {
        let longer = [bytes, b"more"].concat();
        part(&longer, seen.from.expect("a part"), TAG)
    })
    .await;
    bench.fetch().await.expect("it converges");
    assert_eq!(froms(&server), [None, Some(SIZE / 2), None]);
}

#[tokio::test]
async fn the_whole_for_a_range_replaces_what_was_here() {
    let (server, bench) = half_then(|bytes, _| whole(bytes, "\"two\"")).await;
    bench.fetch().await.expect("it converges");
    assert_eq!(froms(&server), [None, Some(SIZE / 2)]);
}

#[tokio::test]
async fn a_part_that_begins_elsewhere_is_not_glued_on() {
    let (server, bench) = half_then(|bytes, _| part(bytes, 7, TAG)).await;
    bench.fetch().await.expect("it converges");
    assert_eq!(froms(&server), [None, Some(SIZE / 2), None]);
}

#[tokio::test]
async fn a_part_without_a_range_is_not_glued_on() {
    let (server, bench) = half_then(|bytes, _| answer("206 Partial Content", &[], &bytes[SIZE / 2..])).await;
    bench.fetch().await.expect("it converges");
    assert_eq!(froms(&server), [None, Some(SIZE / 2), None]);
}

#[tokio::test]
async fn a_part_that_was_not_asked_for_is_refused() {
    let (_server, bench) = always(|bytes, _| part(bytes, 0, TAG)).await;
    bench.fetch().await.expect_err("it is no whole").says(&["206", "whole was asked for"]);
}

#[tokio::test]
async fn nothing_more_at_another_size_begins_again() {
    let (server, bench) =
        half_then(|_, _| status("416 Range Not Satisfiable", &[("content-range", "bytes */99")])).await;
    bench.fetch().await.expect("it converges");
    assert_eq!(froms(&server), [None, Some(SIZE / 2), None]);
}

#[tokio::test]
async fn a_redirect_is_followed() {
    let (server, bench) = always(|bytes, seen| match seen.path.as_str() {
        "/installer.sh" => status("302 Found", &[("location", "/elsewhere.sh")]),
        _ => honest(bytes, TAG, seen),
    })
    .await;
    bench.fetch().await.expect("it is elsewhere");
    assert_eq!(server.seen()[1].path, "/elsewhere.sh");
}

#[tokio::test]
async fn a_redirect_that_goes_round_is_refused_after_ten() {
    let (server, bench) = always(|_, _| status("302 Found", &[("location", "/installer.sh")])).await;
    bench.fetch().await.expect_err("it goes round").says(&["redirected more than 10 times"]);
    assert_eq!(server.seen().len(), 11);
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_refused() {
    let (_server, bench) = always(|_, _| status("302 Found", &[])).await;
    bench.fetch().await.expect_err("it is nowhere").says(&["302", "end at"]);
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_refused() {
    let bytes = file(SIZE);
    let wanted = bytes.clone();
    let plain = Server::plain(move |seen| honest(&bytes, TAG, seen)).await;
    let (target, authority) = (plain.url("/installer.sh"), Authority::new());
    let acceptor = authority.acceptor("127.0.0.1", 2020, 2040);
    let server = Server::start(Some(acceptor), move |_| status("302 Found", &[("location", &target)])).await;
    let bench = trusting(&authority, &server, &wanted);
    bench
        .fetch()
        .await
        .expect_err("it is a downgrade")
        .says(&["redirected from https to http://", "refused"]);
    assert_eq!(plain.seen().len(), 0);
}

#[tokio::test]
async fn a_reset_before_the_answer_is_tried_again() {
    let (server, bench) = once(|_, _| vec![Act::Reset]).await;
    bench.fetch().await.expect("it converges");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_reset_in_the_body_is_taken_up_again() {
    let (server, bench) = once(|bytes, _| broken(bytes, TAG, SIZE / 2, Act::Reset)).await;
    bench.fetch().await.expect("it converges");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_refused_in_the_end() {
    let (server, bench) = always(|_, _| vec![Act::Head("SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned())]).await;
    bench.fetch().await.expect_err("it is no web server").says(&["http://127.0.0.1", "mirror"]);
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_after_the_stall() {
    let (_server, mut bench) = always(|_, _| vec![Act::Hang]).await;
    bench.settings.stall = Duration::from_millis(200);
    bench.fetch().await.expect_err("it is silent").says(&["no answer for 0.2 s", "mirror"]);
}

#[tokio::test]
async fn a_stall_in_the_body_is_dropped_and_taken_up_again() {
    let (server, mut bench) = once(|bytes, _| broken(bytes, TAG, SIZE / 2, Act::Hang)).await;
    bench.settings.stall = Duration::from_secs(1);
    bench.fetch().await.expect("it converges");
    assert_eq!(froms(&server), [None, Some(SIZE / 2)]);
}

#[tokio::test]
async fn a_trickle_below_the_limit_is_dropped_and_says_how_little_came() {
    let (_server, mut bench) = always(|bytes, _| {
        let mut acts = broken(bytes, TAG, 1, Act::Head(String::new()));
        acts.extend((1..400).flat_map(|_| [Act::Wait(Duration::from_millis(10)), Act::Body(vec![0])]));
        acts
    })
    .await;
    bench.settings.stall = Duration::from_secs(1);
    bench.settings.slow_below = 10_000;
    bench.request.backoff.attempts = 1;
    bench.fetch().await.expect_err("it trickles").says(&["bytes came in 1 s", "slow_below"]);
}

#[tokio::test]
async fn the_budget_ends_a_download_that_is_never_done_and_keeps_what_came() {
    let (_server, mut bench) = always(|bytes, _| broken(bytes, TAG, SIZE / 2, Act::Hang)).await;
    bench.settings.budget = Duration::from_secs(2);
    let failed = bench.fetch().await.expect_err("it is never done");
    failed.says(&["the 2 s it may take", "used up (after 150000 of 300000 bytes)", "download.budget"]);
    assert_eq!(std::fs::metadata(bench.part()).expect("it is kept").len(), SIZE as u64 / 2);
}

#[tokio::test]
async fn a_status_that_is_final_is_asked_once_and_its_likely_cause_named() {
    for (line, cause) in [
        ("403 Forbidden", "signed URL that has expired"),
        ("404 Not Found", "name or folder"),
        ("410 Gone", "for good"),
    ] {
        let (server, bench) = always(move |_, _| status(line, &[])).await;
        let failed = bench.fetch().await.expect_err("it is final");
        failed.says(&[line, cause, &server.url("/installer.sh")]);
        assert_eq!(server.seen().len(), 1, "{line}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_seconds_of_peace_gets_them() {
    let (server, bench) = once(|_, _| status("429 Too Many Requests", &[("retry-after", "1")])).await;
    bench.fetch().await.expect("it converges");
    let seen = server.seen();
    assert!(seen[1].at - seen[0].at >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_server_that_names_a_date_is_left_alone_until_then() {
    let date = vivarium_bootstrap::host::clock::now() + Duration::from_secs(2);
    let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let (server, bench) =
        once(move |_, _| status("503 Service Unavailable", &[("retry-after", &date)])).await;
    bench.fetch().await.expect("it converges");
    let seen = server.seen();
    assert!(seen[1].at - seen[0].at >= Duration::from_millis(500), "the date has whole seconds");
}

#[tokio::test]
async fn a_server_that_is_broken_for_a_while_is_asked_again() {
    for line in ["500 Internal Server Error", "502 Bad Gateway", "504 Gateway Timeout", "408 Request Timeout"]
    {
        let (server, bench) = once(move |_, _| status(line, &[])).await;
        bench.fetch().await.expect("it converges");
        assert_eq!(server.seen().len(), 2, "{line}");
    }
}

#[tokio::test]
async fn a_server_that_stays_broken_is_given_up_and_named() {
    let (server, bench) = always(|_, _| status("500 Internal Server Error", &[])).await;
    bench.fetch().await.expect_err("it stays broken").says(&["500 Internal Server Error", "run again later"]);
    assert_eq!(server.seen().len(), 4);
}

/// A bench whose host trusts this authority.
fn trusting(authority: &Authority, server: &Server, wanted: &[u8]) -> Bench {
    let mut bench = Bench::new(vec![server.url("/installer.sh")], wanted);
    let roots = bench.path("roots.pem");
    authority.write(&roots);
    bench.http.ca_file = Some(roots);
    bench
}

/// A server with a certificate for this name and these years, and a bench that trusts its issuer.
async fn secure(name: &str, from: i32, until: i32) -> (Server, Bench, Authority) {
    let (bytes, authority) = (file(SIZE), Authority::new());
    let wanted = bytes.clone();
    let acceptor = authority.acceptor(name, from, until);
    let server = Server::start(Some(acceptor), move |seen| honest(&bytes, TAG, seen)).await;
    let bench = trusting(&authority, &server, &wanted);
    (server, bench, authority)
}

#[tokio::test]
async fn a_certificate_of_an_issuer_that_the_settings_name_is_accepted() {
    let (_server, bench, _) = secure("127.0.0.1", 2020, 2040).await;
    bench.fetch().await.expect("it is trusted");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_issuer_is_refused_at_once() {
    let (server, mut bench, _) = secure("127.0.0.1", 2020, 2040).await;
    bench.http.ca_file = None;
    bench.fetch().await.expect_err("no one knows it").says(&["UnknownIssuer", "download.ca_file"]);
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let (server, bench, _) = secure("127.0.0.1", 2020, 2021).await;
    bench.fetch().await.expect_err("it has expired").says(&["expired", "clock is ahead"]);
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn a_certificate_from_the_future_points_at_the_clock() {
    let (_server, bench, _) = secure("127.0.0.1", 2090, 2091).await;
    bench
        .fetch()
        .await
        .expect_err("it is not yet valid")
        .says(&["not valid yet", "clock is most likely behind"]);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (server, bench, _) = secure("other.example", 2020, 2040).await;
    bench
        .fetch()
        .await
        .expect_err("it is another's")
        .says(&["not valid for name", "host name that the certificate"]);
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn plain_text_where_tls_is_expected_is_refused() {
    let (server, mut bench) = always(|_, _| {
        let mut acts = status("400 Bad Request", &[]);
        acts.push(Act::Hang);
        acts
    })
    .await;
    bench.request.urls = vec![server.url("/installer.sh").replace("http:", "https:")];
    bench.fetch().await.expect_err("it speaks no TLS").says(&["https://127.0.0.1", "TLS"]);
}

#[tokio::test]
async fn a_byte_damaged_once_costs_one_more_fetch_from_the_first_byte() {
    let (server, bench) = once(|bytes, _| whole(&damaged(bytes), TAG)).await;
    bench.fetch().await.expect("it converges");
    assert_eq!(froms(&server), [None, None]);
    assert_eq!(server.seen()[1].header("cache-control"), Some("no-cache"));
}

#[tokio::test]
async fn a_byte_damaged_always_fails_with_both_hashes_and_keeps_nothing() {
    let (server, bench) = always(|bytes, _| whole(&damaged(bytes), TAG)).await;
    let failed = bench.fetch().await.expect_err("it is damaged");
    failed.says(&[bench.request.sha256.as_str(), sha256(&damaged(&file(SIZE))).as_str(), "nothing was kept"]);
    assert_eq!(server.seen().len(), 2);
    assert_eq!(std::fs::metadata(bench.part()).expect("it is empty").len(), 0);
}

fn damaged(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[SIZE / 3] ^= 1;
    bytes
}

#[tokio::test]
async fn damaged_bytes_are_fetched_from_the_next_mirror() {
    let (damaging, _) = always(|bytes, _| whole(&damaged(bytes), TAG)).await;
    let (good, mut bench) = always(|bytes, seen| honest(bytes, TAG, seen)).await;
    bench.request.urls.insert(0, damaging.url("/installer.sh"));
    bench.fetch().await.expect("the second one is right");
    assert_eq!((damaging.seen().len(), good.seen().len()), (1, 1));
}

#[tokio::test]
async fn a_second_mirror_takes_over_where_the_first_fell_silent() {
    let (first, _) = once(|bytes, _| broken(bytes, TAG, SIZE / 2, Act::Hang)).await;
    let (second, mut bench) = always(|bytes, seen| honest(bytes, "\"another\"", seen)).await;
    bench.request.urls.insert(0, first.url("/installer.sh"));
    bench.settings.stall = Duration::from_secs(1);
    bench.fetch().await.expect("the second one has it");
    assert_eq!((froms(&first), froms(&second)), (vec![None], vec![Some(SIZE / 2)]));
    assert_eq!(second.seen()[0].header("if-range"), None, "the tag is the first one's");
}

#[tokio::test]
async fn when_every_mirror_fails_each_is_named_with_its_reason() {
    let (absent, _) = always(|_, _| status("404 Not Found", &[])).await;
    let (forbidden, mut bench) = always(|_, _| status("403 Forbidden", &[])).await;
    bench.request.urls.insert(0, absent.url("/installer.sh"));
    let failed = bench.fetch().await.expect_err("none has it");
    failed.says(&[&absent.url("/"), "404 Not Found", &forbidden.url("/"), "403 Forbidden"]);
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let bench = Bench::new(vec![format!("http://{address}/installer.sh")], b"x");
    bench.fetch().await.expect_err("no one is there").says(&[
        "connection refused",
        &address.to_string(),
        "port",
    ]);
}

#[tokio::test]
async fn a_name_without_an_address_is_named() {
    // A label of more than 63 letters: the resolver refuses it without asking anyone.
    let name = format!("{}.invalid", "x".repeat(64));
    let bench = Bench::new(vec![format!("http://{name}/installer.sh")], b"x");
    bench.fetch().await.expect_err("it has none").says(&["cannot be resolved", &name, "DNS"]);
}

#[tokio::test]
async fn a_file_url_is_copied_and_verified() {
    let bytes = file(SIZE);
    let bench = Bench::new(vec!["file:///media/installer.sh".to_owned()], &bytes);
    std::fs::create_dir(bench.path("media")).expect("created");
    std::fs::write(bench.path("media/installer.sh"), &bytes).expect("written");
    bench.fetch().await.expect("it is there");
}

#[tokio::test]
async fn a_file_url_with_other_bytes_is_refused_with_both_hashes() {
    let bench = Bench::new(vec!["file:///installer.sh".to_owned()], b"right");
    std::fs::write(bench.path("installer.sh"), b"wrong").expect("written");
    let failed = bench.fetch().await.expect_err("it is another file");
    failed.says(&[sha256(b"right").as_str(), sha256(b"wrong").as_str(), "file:///installer.sh"]);
}

#[tokio::test]
async fn a_file_url_that_is_missing_is_named() {
    let bench = Bench::new(vec!["file:///media/installer.sh".to_owned()], b"x");
    bench.fetch().await.expect_err("it is not there").says(&["file:///media/installer.sh", "No such file"]);
}

#[tokio::test]
async fn a_url_of_another_kind_is_refused() {
    let bench = Bench::new(vec!["ftp://127.0.0.1/installer.sh".to_owned(), "nonsense".to_owned()], b"x");
    bench
        .fetch()
        .await
        .expect_err("neither will do")
        .says(&["ftp: URLs are not understood", "cannot be read"]);
}

#[tokio::test]
async fn a_stale_part_of_another_file_is_dropped() {
    let (_server, mut bench) = always(|bytes, _| broken(bytes, TAG, SIZE / 2, Act::Hang)).await;
    bench.settings.budget = Duration::from_secs(2);
    bench.fetch().await.expect_err("it is never done");
    let other = file(SIZE / 3);
    let wanted = other.clone();
    let server = Server::plain(move |seen| honest(&other, TAG, seen)).await;
    bench.request.urls = vec![server.url("/installer.sh")];
    bench.request.sha256 = sha256(&wanted);
    bench.settings.budget = Duration::from_mins(1);
    let fetched = bench.fetch().await.expect("it is there");
    assert_eq!((fetched.resumed, froms(&server)), (0, vec![None]));
}

#[tokio::test]
async fn a_part_that_no_note_speaks_for_is_dropped() {
    let (server, bench) = always(|bytes, seen| honest(bytes, TAG, seen)).await;
    std::fs::create_dir(bench.path("downloads")).expect("created");
    std::fs::write(bench.part(), b"from who knows where").expect("written");
    std::fs::write(bench.note(), b"{torn").expect("written");
    bench.fetch().await.expect("it is there");
    assert_eq!(froms(&server), [None]);
}

#[tokio::test]
async fn bytes_of_the_part_that_were_damaged_on_the_disk_cost_one_fetch_of_the_whole() {
    let (_server, mut bench) = once(|bytes, _| broken(bytes, TAG, SIZE / 2, Act::Hang)).await;
    bench.settings.budget = Duration::from_secs(2);
    bench.fetch().await.expect_err("the first run ends early");
    let mut kept = std::fs::read(bench.part()).expect("it is kept");
    kept[SIZE / 4] ^= 1;
    std::fs::write(bench.part(), kept).expect("written");
    bench.settings.budget = Duration::from_mins(1);
    bench.fetch().await.expect("it converges");
}

#[tokio::test]
async fn what_the_note_does_not_speak_for_is_cut_off_the_part() {
    let (_server, mut bench) = once(|bytes, _| broken(bytes, TAG, SIZE / 2, Act::Hang)).await;
    bench.settings.budget = Duration::from_secs(2);
    bench.fetch().await.expect_err("the first run ends early");
    let mut kept = std::fs::read(bench.part()).expect("it is kept");
    kept.extend(vec![1; SIZE]);
    std::fs::write(bench.part(), kept).expect("written");
    bench.settings.budget = Duration::from_mins(1);
    let fetched = bench.fetch().await.expect("it converges");
    assert_eq!(fetched.resumed, SIZE as u64 / 2);
}

#[tokio::test]
async fn a_wrong_file_that_has_the_name_is_removed_although_no_right_one_comes() {
    let (_server, bench) = always(|_, _| status("404 Not Found", &[])).await;
    std::fs::create_dir(bench.path("downloads")).expect("created");
    std::fs::write(bench.path("downloads/installer.sh"), b"echo unverified").expect("written");
    bench.fetch().await.expect_err("it is nowhere");
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel() {
    let (_server, mut bench, _) = secure("127.0.0.1", 2020, 2040).await;
    let proxy = through(&mut bench, "200 Connection established").await;
    bench.fetch().await.expect("it goes through");
    let target = bench.request.urls[0].trim_start_matches("https://").trim_end_matches("/installer.sh");
    assert_eq!(proxy.asked(), [format!("CONNECT {target} HTTP/1.1")]);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_as_the_one_who_does() {
    let (server, mut bench, _) = secure("127.0.0.1", 2020, 2040).await;
    let _proxy = through(&mut bench, "407 Proxy Authentication Required").await;
    bench.fetch().await.expect_err("no one passes").says(&["proxy", "https_proxy"]);
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn a_host_that_no_proxy_lists_is_asked_directly() {
    let (_server, mut bench, _) = secure("127.0.0.1", 2020, 2040).await;
    let proxy = Proxy::start("407 Proxy Authentication Required").await;
    let url = format!("http://{}", proxy.address);
    bench.http.proxies = Proxies::from_variables(|name| match name {
        "https_proxy" => Some(url.clone()),
        "no_proxy" => Some("169.254.169.254,127.0.0.1".to_owned()),
        _ => None,
    });
    bench.fetch().await.expect("it is asked directly");
    assert!(proxy.asked().is_empty());
}

async fn through(bench: &mut Bench, status: &'static str) -> Proxy {
    let proxy = Proxy::start(status).await;
    let url = format!("http://{}", proxy.address);
    bench.http.proxies = Proxies::from_variables(|name| (name == "https_proxy").then(|| url.clone()));
    proxy
}
