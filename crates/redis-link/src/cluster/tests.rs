use redis::{IntoConnectionInfo, RedisError};
use tokio::time::timeout;

use super::*;
use crate::caught::told;

#[tokio::test]
async fn a_task_that_panics_fails_who_waits_for_the_map_and_goes_on() {
    let settings = Arc::new(LinkConfig::new("redis://127.0.0.1:1").retry_max(Duration::from_millis(50)));
    let nobody = "redis://127.0.0.1:1".into_connection_info().unwrap();
    told::panic_times(1);
    let (tasks, connections) = (Tasks::here().unwrap(), ConnectionCount::default());
    let cluster = Cluster::start(vec![nobody], &settings, &tasks, &connections).unwrap();
    let error = cluster.found().await.unwrap_err().to_string();
    assert!(error.contains("panicked"), "{error}");
    let mut map = cluster.shared.map.subscribe();
    let tried = |map: &MapState| map.failure.as_ref().is_some_and(RedisError::is_io_error);
    timeout(Duration::from_secs(60), map.wait_for(tried)).await.unwrap().unwrap();
}
