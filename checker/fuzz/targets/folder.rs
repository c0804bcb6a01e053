//! A folder's bytes, a saved record's, or a network with pieces in the wrong place: read, evaluated, explained with
//! every fix tried, and shown in all three forms.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use vivarium_checker::aws::Documents;
use vivarium_checker::check;
use vivarium_checker::evaluate::{End, Flow, Verdict, evaluate};
use vivarium_checker::explain::{Case, Service, explain};
use vivarium_checker::network::Network;
use vivarium_checker::render;

fuzz_target!(|bytes: &[u8]| {
    if bytes.first().is_some_and(|first| b"{[".contains(first)) {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let (mut documents, mut whole) = (Documents::new(), Documents::new());
        if documents.add_text("fuzzed.json", text).is_err() {
            return;
        }
        // Row by row or as a whole, it is the same.
        for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            whole.add("fuzzed.json", &document.expect("it was read before"));
        }
        let (network, notes) = documents.finish();
        assert_eq!((network.clone(), notes), whole.finish());
        if let Some(answer) = check::replayed(bytes, Some(&network)) {
            let _ = answer.printed(true);
        }
        questions(&network);
    } else {
        let mut documents = Documents::new();
        for (name, answer) in vivarium_fuzz::damaged(bytes) {
            documents.add(&name, &answer);
        }
        questions(&documents.finish().0);
    }
});

fn questions(network: &Network) {
    let mut ends: Vec<String> = ["203.0.113.10", "internet", "10.0.1.10"].map(str::to_owned).into();
    ends.extend(network.instances.iter().take(1).map(|(id, _)| id.to_string()));
    ends.extend(network.network_interfaces.iter().take(2).map(|(id, _)| id.to_string()));
    ends.extend(network.db_instances.iter().take(1).map(|(id, _)| id.to_string()));
    for (index, to) in ends.iter().enumerate().skip(1) {
        let from = &ends[(index * 2 + 1) % ends.len()];
        question(network, from, to, if index % 2 == 0 { 22 } else { 5432 });
        question(network, &ends[0], to, 22);
    }
}

fn question(network: &Network, from: &str, to: &str, port: u16) {
    let flow = Flow::tcp(End::parse(from), End::parse(to), port);
    let again = |network: &Network| evaluate(&flow, network);
    let trace = again(network);
    assert!(trace.verdict != Verdict::Reachable || trace.blockers.is_empty(), "{}", trace.summary);
    assert!((0.0..=1.0).contains(&trace.failing_share), "{}", trace.failing_share);
    let diagnosis = explain(&Case {
        from: from.to_owned(),
        to: to.to_owned(),
        service: Some(if port == 22 { Service::Ssh } else { Service::Postgres }),
        port,
        trace: Some(&trace),
        network: Some(network),
        evaluate: Some(&again),
        ..Case::default()
    });
    let page = render::html(&diagnosis);
    assert!(!page.contains("<b>"), "what was read became markup");
    let _ = (render::text(&diagnosis), render::json(&diagnosis));
}
