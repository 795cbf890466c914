//! The gRPC port: the same timelines, and health.

use serde_json::Value;
use tests::Tidings;
use tidings::timeline::grpc::TimelineClient;
use tidings::timeline::proto::v1::SendMessageRequest;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

async fn connect(server: &Tidings) -> Channel {
    Channel::from_shared(format!("http://{}", server.grpc())).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn what_is_sent_by_grpc_is_synced_by_http() {
    let server = Tidings::start();
    let mut client = TimelineClient::new(connect(&server).await);
    let message = "{\"text\":\"hi\"}".to_owned();
    let request =
        SendMessageRequest { from: "a".to_owned(), to: "b".to_owned(), message, ..Default::default() };
    assert_eq!(client.send(request).await.unwrap().into_inner().sequence, 1);
    let sync = reqwest::get(server.url("/timeline/sync?member=b")).await.unwrap();
    assert_eq!(sync.json::<Value>().await.unwrap()["entrySet"][0]["message"], "{\"text\":\"hi\"}");
}

#[tokio::test]
async fn health_says_serving_for_the_server_and_its_service() {
    let server = Tidings::start();
    let mut client = HealthClient::new(connect(&server).await);
    for service in ["", "timeline.v1.Timeline"] {
        let answer =
            client.check(HealthCheckRequest { service: service.to_owned() }).await.unwrap().into_inner();
        assert_eq!(answer.status, 1, "{service:?}");
    }
}
