//! A browser, driven over WebDriver.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use serde_json::{Value, json};
use systemprompt_testkit::PATIENCE;
use systemprompt_testkit::client::Client;
use tempfile::TempDir;

const READY: &str = "was started successfully on port ";

/// One browser with one window.
pub(super) struct Driver {
    process: Child,
    addr: SocketAddr,
    session: String,
    base: String,
    profile: TempDir,
}

impl Driver {
    /// A browser that looks at `base`.
    pub(super) async fn start(base: &str) -> Self {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed (chromium-driver)");
        let printed = BufReader::new(process.stdout.take().unwrap());
        let mut lines = printed.lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once(READY)?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        // Whatever else it prints is taken, so that it never waits.
        std::thread::spawn(move || lines.for_each(drop));
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Self {
            process,
            addr: SocketAddr::from(([127, 0, 0, 1], port.expect("a port"))),
            session: String::new(),
            base: base.to_owned(),
            profile,
        };
        let folder = format!("--user-data-dir={}", driver.profile.path().display());
        let args = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--window-size=1360,900",
            folder.as_str(),
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": args},
        }}});
        let session = driver.call(Method::POST, "/session", &wanted).await;
        driver.session = session["sessionId"].as_str().unwrap().to_owned();
        driver
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Value {
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
        let value = answer.json()["value"].clone();
        assert!(answer.status.is_success(), "{path}: {value}");
        value
    }

    async fn command(&self, path: &str, body: Value) -> Value {
        let path = format!("/session/{}/{path}", self.session);
        self.call(Method::POST, &path, &body).await
    }

    /// Goes to a path.
    pub(super) async fn go(&self, path: &str) {
        let url = format!("{}{path}", self.base);
        self.command("url", json!({"url": url})).await;
    }

    /// Runs a script in the page.
    pub(super) async fn js(&self, script: &str) -> Value {
        let body = json!({"script": script, "args": []});
        self.command("execute/sync", body).await
    }

    /// Runs a script that calls back when it is done.
    pub(super) async fn js_async(&self, script: &str) -> Value {
        let body = json!({"script": script, "args": []});
        self.command("execute/async", body).await
    }

    /// Waits until a script says true.
    pub(super) async fn until(&self, script: &str) -> Duration {
        let began = Instant::now();
        let script =
            format!("return document.readyState === 'complete' && (() => {{ {script} }})()");
        loop {
            if self.js(&script).await == json!(true) {
                return began.elapsed();
            }
            assert!(began.elapsed() < PATIENCE, "never: {script}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Presses keys where the focus is.
    pub(super) async fn press(&self, key: &str) {
        let actions = json!({"actions": [{"type": "key", "id": "keys", "actions": [
            {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]}]});
        self.command("actions", actions).await;
    }

    pub(super) async fn back(&self) {
        self.command("back", json!({})).await;
    }

    /// Clicks the first element that a selector finds.
    pub(super) async fn click(&self, selector: &str) {
        let found = self
            .command(
                "element",
                json!({"using": "css selector", "value": selector}),
            )
            .await;
        let id = found.as_object().and_then(|found| found.values().next());
        let id = id.and_then(Value::as_str).unwrap().to_owned();
        self.command(&format!("element/{id}/click"), json!({}))
            .await;
    }

    async fn devtools(&self, command: &str, params: Value) -> Value {
        let body = json!({"cmd": command, "params": params});
        self.command("goog/cdp/execute", body).await
    }

    /// Sees pages as somebody whose system is `dark` or `light`.
    pub(super) async fn theme(&self, theme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": theme}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Sees pages on a screen of that width.
    pub(super) async fn width(&self, width: u32) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size)
            .await;
    }

    /// The whole page as a PNG.
    pub(super) async fn picture(&self) -> Vec<u8> {
        let size = self
            .js("const e = document.documentElement; return [e.scrollWidth, e.scrollHeight]")
            .await;
        let clip = json!({"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1});
        let params = json!({"captureBeyondViewport": true, "clip": clip});
        let shot = self.devtools("Page.captureScreenshot", params).await;
        STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()
    }

    /// What the browser complained about since it was asked last.
    pub(super) async fn complaints(&self) -> Vec<String> {
        let lines = self.command("se/log", json!({"type": "browser"})).await;
        let bad = |line: &&Value| matches!(line["level"].as_str(), Some("SEVERE" | "WARNING"));
        let lines = lines.as_array().cloned().unwrap_or_default();
        lines
            .iter()
            .filter(bad)
            .map(|line| line["message"].to_string())
            .collect()
    }

    /// Signs in through the form.
    pub(super) async fn sign_in(&self, name: &str, password: &str) {
        self.go("/admin/login").await;
        let fill = format!(
            "document.querySelector('[name=name]').value = {name:?};\
             document.querySelector('[name=password]').value = {password:?};"
        );
        self.js(&fill).await;
        self.click("main button").await;
        self.until("return location.pathname === '/admin'").await;
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The driver ends its browser when it is told to end.
        let path = format!("/session/{}", self.session);
        let request = format!(
            "DELETE {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            self.addr
        );
        if let Ok(mut stream) = std::net::TcpStream::connect(self.addr) {
            use std::io::{Read as _, Write as _};
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let _ = stream.write_all(request.as_bytes());
            let _ = stream.read(&mut [0; 512]);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
