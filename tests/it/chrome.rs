//! A real browser, driven over WebDriver, and the site that it looks at.

use std::io::{BufRead as _, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use serde_json::{Value, json};
use systemprompt_testkit::client::Client;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Where Debian and others have it.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Chromium without a window.
pub(crate) struct Chrome {
    driver: Child,
    addr: SocketAddr,
    session: String,
    _profile: TempDir,
}

impl Chrome {
    /// Starts it. `None` where there is none, unless `SYSTEMPROMPT_BROWSER` says
    /// that there has to be one, as CI does.
    pub(crate) async fn start() -> Option<Self> {
        let browser = BROWSERS.into_iter().find(|name| is_there(name));
        let (Some(browser), true) = (browser, is_there("chromedriver")) else {
            let needed = std::env::var_os("SYSTEMPROMPT_BROWSER").is_some();
            assert!(!needed, "chromium and chromedriver are needed");
            return None;
        };
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = driver.stdout.take().unwrap();
        let port = tokio::task::spawn_blocking(move || {
            let lines = std::io::BufReader::new(out).lines();
            lines.map_while(Result::ok).find_map(|line| {
                let port = line.split("started successfully on port ").nth(1)?;
                port.trim_end_matches('.').parse::<u16>().ok()
            })
        });
        let port = port.await.unwrap().expect("chromedriver names its port");
        let profile = tempfile::tempdir().unwrap();
        let mut chrome = Self {
            driver,
            addr: SocketAddr::from(([127, 0, 0, 1], port)),
            session: String::new(),
            _profile: profile,
        };
        let folder = chrome._profile.path().display();
        let options = json!({
            "args": [
                "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                "--no-first-run", "--window-size=1000,800", format!("--user-data-dir={folder}"),
            ],
            "binary": which(browser),
        });
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
        }}});
        let made = chrome.post("/session", &wanted).await;
        chrome.session = made["sessionId"].as_str().expect("a session").to_owned();
        // Not every version gives its first window the focus, as one has that is looked at.
        chrome.devtools("Page.bringToFront", json!({})).await;
        Some(chrome)
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Value {
        let body = match method {
            Method::POST => body.to_string(),
            _ => String::new(),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.addr.to_string())
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        let answer = Client::new(self.addr).send(request).await.unwrap();
        assert!(answer.status.is_success(), "{path}: {}", answer.text());
        answer.json()["value"].take()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        self.send(Method::POST, path, body).await
    }

    async fn command(&self, path: &str, body: &Value) -> Value {
        let path = format!("/session/{}/{path}", self.session);
        self.post(&path, body).await
    }

    pub(crate) async fn open(&self, url: &str) {
        self.command("url", &json!({ "url": url })).await;
    }

    pub(crate) async fn back(&self) {
        self.command("back", &json!({})).await;
    }

    /// Runs a script's text and answers what it returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({"script": script, "args": []}))
            .await
    }

    /// A command of the browser's own protocol.
    pub(crate) async fn devtools(&self, command: &str, params: Value) -> Value {
        let body = json!({"cmd": command, "params": params});
        self.command("goog/cdp/execute", &body).await
    }

    /// The tab that commands go to.
    pub(crate) async fn tab(&self) -> String {
        let path = format!("/session/{}/window", self.session);
        let handle = self.send(Method::GET, &path, &Value::Null).await;
        handle.as_str().unwrap().to_owned()
    }

    /// Brings a tab to the front: it is visible and has the focus, others are not.
    pub(crate) async fn show(&self, tab: &str) {
        self.command("window", &json!({ "handle": tab })).await;
        self.devtools("Page.bringToFront", json!({})).await;
    }

    /// A new tab, which is in front.
    pub(crate) async fn new_tab(&self) -> String {
        let made = self.command("window/new", &json!({"type": "tab"})).await;
        let tab = made["handle"].as_str().unwrap().to_owned();
        self.show(&tab).await;
        tab
    }
}

/// Asks for the end of a session and waits for the answer, without a runtime.
fn end_session(addr: SocketAddr, session: &str) -> std::io::Result<()> {
    let mut stream = std::net::TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "DELETE /session/{session} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n"
    )?;
    std::io::copy(&mut stream, &mut std::io::sink()).map(drop)
}

impl Drop for Chrome {
    fn drop(&mut self) {
        // The browser ends with its session; a driver that is stopped alone leaves
        // processes of the browser behind.
        let _ = end_session(self.addr, &self.session);
        if let Ok(pid) = i32::try_from(self.driver.id())
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        for _ in 0..50 {
            if self.driver.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = self.driver.kill();
    }
}

fn is_there(program: &str) -> bool {
    which(program).is_some()
}

fn which(program: &str) -> Option<std::path::PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// A site of a few pages, each of which loads the script of the server at `tracker`.
pub(crate) struct Site {
    pub(crate) addr: SocketAddr,
}

impl Site {
    pub(crate) async fn serve(tracker: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut head = vec![0; 16 * 1024];
                    let mut n = 0;
                    while !head[..n].windows(4).any(|four| four == b"\r\n\r\n") {
                        match stream.read(&mut head[n..]).await {
                            Ok(0) | Err(_) => return,
                            Ok(more) => n += more,
                        }
                    }
                    let head = String::from_utf8_lossy(&head[..n]).into_owned();
                    let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
                    let body = page(&path, tracker);
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\n\
                         content-length: {}\r\nconnection: close\r\n\r\n{body}",
                        body.len()
                    );
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        Self { addr }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }
}

/// `/long…` is five screens high, `/prerenders` prepares `/prerendered`; others
/// are short.
fn page(path: &str, tracker: SocketAddr) -> String {
    let rest = if path.starts_with("/long") {
        "<div style=\"height:4000px\">long</div>"
    } else if path.starts_with("/prerenders") {
        "<script type=\"speculationrules\">{\"prerender\": [{\"source\": \"list\", \
         \"urls\": [\"/prerendered\"], \"eagerness\": \"immediate\"}]}</script>"
    } else {
        ""
    };
    format!(
        "<!doctype html><html><head><title>Page {path}</title>\
         <link rel=\"icon\" href=\"data:,\"><script defer src=\"http://{tracker}/s.js\"></script></head>\
         <body><p>short</p>{rest}</body></html>"
    )
}
