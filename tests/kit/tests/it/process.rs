//! Server processes, shown with the mock's own binary in the server's place.

use std::process::Command;
use std::time::Duration;

use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::process::ServerProcess;

fn mock_binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-upstream"));
    command.args(["--listen", "127.0.0.1:0"]);
    command
}

#[tokio::test]
async fn a_server_is_ready_when_started_and_gone_when_dropped() {
    let server = ServerProcess::spawn(mock_binary()).await.unwrap();
    assert_eq!(server.url(), format!("http://{}", server.addr().unwrap()));
    assert!(
        server
            .stdout()
            .starts_with("listening on http://127.0.0.1:")
    );
    let addr = server.addr().unwrap();
    drop(server);
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn signals_end_it() {
    use std::os::unix::process::ExitStatusExt;

    let mut server = ServerProcess::spawn(mock_binary()).await.unwrap();
    assert!(server.wait_exit(Duration::from_millis(30)).await.is_err());
    server.sigterm().unwrap();
    let status = server.wait_exit(PATIENCE).await.unwrap();
    assert_eq!(status.signal(), Some(15));

    let mut server = ServerProcess::spawn(mock_binary()).await.unwrap();
    server.kill9().unwrap();
    let status = server.wait_exit(Duration::ZERO).await.unwrap();
    assert_eq!(status.signal(), Some(9));
}

#[tokio::test]
async fn a_server_that_cannot_start_tells_why() {
    let mut command = mock_binary();
    command.args(["--recordings", "/nonexistent"]);
    let error = ServerProcess::spawn(command)
        .await
        .expect_err("it has no recordings");
    assert!(
        format!("{error:#}").contains("/nonexistent/index.tsv"),
        "{error:#}"
    );
}
