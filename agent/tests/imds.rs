//! The metadata door against a real HTTP service with the habits of EC2's.

mod parts;

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use parts::Service;
use serde_json::json;
use vivarium_agent::imds::{Diagnosis, Imds, ImdsError, Instance, Patience};

const BRIEF: Patience = Patience {
    connect: Duration::from_millis(300),
    read: Duration::from_secs(1),
    budget: Duration::from_secs(2),
};

fn service() -> Service {
    Service::start("imds.py", &[])
}

async fn ask(service: &Service) -> Result<Instance, ImdsError> {
    Imds::new(&service.endpoint, BRIEF).instance().await
}

async fn diagnosis(service: &Service) -> Diagnosis {
    ask(service).await.expect_err("no answer is to be had").diagnosis
}

#[tokio::test]
async fn an_instance_learns_who_it_is() {
    let instance = ask(&service()).await.expect("an answer");
    assert_eq!(instance.id, "i-0123456789abcdef0");
    assert_eq!((instance.region.as_str(), instance.account.as_str()), ("us-east-1", "123456789012"));
    assert_eq!(
        (instance.availability_zone.as_str(), instance.instance_type.as_str()),
        ("us-east-1a", "t3.large")
    );
}

#[tokio::test]
async fn no_request_is_ever_made_without_a_token() {
    let service = service();
    ask(&service).await.expect("an answer");
    service.set("faults", json!({"disabled": true})).await;
    diagnosis(&service).await;
    let seen = service.read("requests").await;
    let unauthorised = |request: &&serde_json::Value| request["status"] == 401;
    assert_eq!(seen.as_array().expect("a list").iter().filter(unauthorised).count(), 0, "{seen}");
}

#[tokio::test]
async fn a_path_that_is_not_there_is_no_failure() {
    let service = service();
    let value = Imds::new(&service.endpoint, BRIEF).get("meta-data/spot/instance-action").await;
    assert_eq!(value, Ok(None));
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_and_no_more() {
    let service = service();
    service.set("faults", json!({"forget_tokens": 1})).await;
    ask(&service).await.expect("an answer with the second token");
    service.set("faults", json!({"forget_tokens": 9})).await;
    assert_eq!(
        diagnosis(&service).await,
        Diagnosis::Unintelligible("it answers 401 Unauthorized".to_owned())
    );
}

#[tokio::test]
async fn a_disabled_service_is_named() {
    let service = service();
    service.set("faults", json!({"disabled": true})).await;
    assert_eq!(diagnosis(&service).await, Diagnosis::Disabled);
}

#[tokio::test]
async fn a_refused_connection_is_a_service_that_is_switched_off() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let error = Imds::new(&endpoint, BRIEF).instance().await.expect_err("nobody listens");
    assert_eq!(error.diagnosis, Diagnosis::Disabled);
    assert!(error.diagnosis.hint().contains("--http-endpoint enabled"));
}

#[tokio::test]
async fn a_token_that_never_arrives_is_the_hop_limit_or_a_proxy() {
    let service = service();
    service.set("faults", json!({"black_hole_put": true})).await;
    let diagnosis = diagnosis(&service).await;
    assert_eq!(diagnosis, Diagnosis::HopLimitOrProxy);
    assert!(diagnosis.hint().contains("--http-put-response-hop-limit 2"));
}

#[tokio::test]
async fn an_address_where_nothing_answers_is_not_ec2() {
    let (endpoint, _held_open) = silent_address();
    let error = Imds::new(&endpoint, BRIEF).instance().await.expect_err("nobody answers");
    assert_eq!(error.diagnosis, Diagnosis::NotOnEc2);
}

/// A port whose queue is full, so that the kernel drops whatever asks to connect.
fn silent_address() -> (String, (tokio::net::TcpListener, Vec<TcpStream>)) {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let listener = socket.listen(0).expect("it listens");
    let address = listener.local_addr().expect("an address");
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(300)).ok();
    let waiting = std::iter::from_fn(connect).collect();
    (format!("http://{address}"), (listener, waiting))
}

#[tokio::test]
async fn a_busy_service_is_asked_again() {
    let service = service();
    service.set("faults", json!({"fail_status": 503, "fail_times": 2})).await;
    ask(&service).await.expect("an answer in the end");
    service.set("faults", json!({"fail_status": 429, "fail_times": 1000})).await;
    assert_eq!(diagnosis(&service).await, Diagnosis::Throttled);
}

#[tokio::test]
async fn a_service_that_starts_late_is_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let mut imds = Imds::new(&format!("http://{address}"), Patience::within(Duration::from_mins(1)));
    let late = tokio::task::spawn_blocking(move || {
        Service::start("imds.py", &["--late", "0.5", "--listen", &address])
    });
    let instance = imds.instance().await.expect("an answer in the end");
    assert_eq!(instance.id, "i-0123456789abcdef0");
    late.await.expect("the service");
}
