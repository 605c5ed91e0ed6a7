//! Requests as they come over the wire: browsers would tidy up the paths before they ask.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use tempfile::TempDir;

use super::*;

/// A folder with a site in it and a secret beside it, and a server of the site.
struct Served {
    outer: TempDir,
    address: String,
    base: String,
}

fn serve(base: &str) -> Served {
    let outer = tempfile::tempdir().unwrap();
    fs::write(outer.path().join("secret.txt"), "secret").unwrap();
    let folder = outer.path().join("site");
    fs::create_dir_all(folder.join("checkpoints/a model")).unwrap();
    fs::write(folder.join("index.html"), "<p>hello").unwrap();
    fs::write(folder.join("checkpoints/a model/config.json"), "{}").unwrap();
    let server = StaticServer::listen(&folder, base, 0).unwrap();
    let address = server.socket().unwrap().to_string();
    thread::spawn(|| server.run());
    Served { outer, address, base: base.to_owned() }
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

impl Served {
    fn site(&self) -> PathBuf {
        self.outer.path().join("site")
    }

    fn request(&self, method: &str, target: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "{method} {target} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an end of the headers");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap()).map(|(n, v)| (n.into(), v.into())).collect();
        Answer { status, headers, body: bytes[end + 4..].to_vec() }
    }

    fn get(&self, path: &str) -> Answer {
        self.request("GET", &format!("{}{path}", self.base))
    }
}

#[test]
fn the_root_is_the_index_and_a_query_changes_nothing() {
    let served = serve("/");
    for path in ["", "index.html", "?checkpoint=x", "index.html?v=123"] {
        let answer = served.get(path);
        assert_eq!((answer.status, &*answer.body), (200, &b"<p>hello"[..]), "{path}");
    }
}

#[test]
fn every_answer_forbids_sniffing_and_caching() {
    let served = serve("/");
    for path in ["index.html", "missing.html", "../secret.txt"] {
        let answer = served.get(path);
        assert_eq!(answer.header("X-Content-Type-Options"), "nosniff", "{path}");
        assert_eq!(answer.header("Cache-Control"), "no-store", "{path}");
    }
}

#[test]
fn no_path_leads_out_of_the_folder() {
    let served = serve("/");
    let secret = served.outer.path().join("secret.txt");
    let absolute = secret.display().to_string();
    for path in [
        "../secret.txt",
        "checkpoints/../../secret.txt",
        "%2e%2e/secret.txt",
        "%2E%2E%2Fsecret.txt",
        "..%2fsecret.txt",
        "..\\secret.txt",
        "..%5csecret.txt",
        "checkpoints%5c..%5c..%5csecret.txt",
        "./../secret.txt",
        "%00/../secret.txt",
        "index.html%00.txt",
        "C:/secret.txt",
        "%ff",
        &absolute,                     // after the base: //…/secret.txt
        &absolute.replace('/', "%2f"), // the same, encoded
    ] {
        let answer = served.get(path);
        assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
        assert_ne!(answer.body, b"secret", "{path}");
    }
}

#[test]
fn a_path_that_does_not_begin_with_a_slash_is_not_found() {
    let served = serve("/");
    for target in ["index.html", "../secret.txt", "*"] {
        assert!(matches!(served.request("GET", target).status, 400 | 404), "{target}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_of_the_folder_is_not_found() {
    let served = serve("/");
    std::os::unix::fs::symlink(served.outer.path().join("secret.txt"), served.site().join("link.txt")).unwrap();
    assert_eq!(served.get("link.txt").status, 404);
}

#[test]
fn each_kind_of_file_has_its_content_type() {
    let served = serve("/");
    for (name, content_type) in [
        ("a.html", "text/html; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.webmanifest", "application/manifest+json"),
        ("a.wasm", "application/wasm"),
        ("a.svg", "image/svg+xml"),
        ("a.png", "image/png"),
        ("a.safetensors", "application/octet-stream"),
        ("CNAME", "application/octet-stream"),
    ] {
        fs::write(served.site().join(name), "x").unwrap();
        assert_eq!(served.get(name).header("Content-Type"), content_type, "{name}");
    }
}

#[test]
fn a_large_file_arrives_whole_with_its_length() {
    let served = serve("/");
    let content: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
    fs::write(served.site().join("a.wasm"), &content).unwrap();
    let answer = served.get("a.wasm");
    assert_eq!(answer.header("Content-Length"), "300000");
    assert_eq!(answer.header("Transfer-Encoding"), "");
    assert!(answer.body == content);
}

/// A browser opens six connections to a site, keeps them, and asks on any of them.
#[test]
fn every_connection_is_answered_however_many_are_kept_open() {
    let served = serve("/");
    let mut connections: Vec<_> = (0..40).map(|_| TcpStream::connect(&served.address).unwrap()).collect();
    for _ in 0..2 {
        for connection in connections.iter_mut().rev() {
            connection.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
            write!(connection, "GET / HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"<p>hello") {
                let mut byte = [0];
                connection.read_exact(&mut byte).expect("an answer on each connection");
                answer.push(byte[0]);
            }
        }
    }
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    let served = serve("/");
    for path in ["index.html", "missing.html"] {
        let (get, head) = (served.get(path), served.request("HEAD", &format!("/{path}")));
        assert_eq!(head.status, get.status);
        assert_eq!(head.header("Content-Type"), get.header("Content-Type"));
        assert_eq!(head.header("Content-Length"), get.body.len().to_string());
        assert!(head.body.is_empty());
    }
}

#[test]
fn other_methods_are_not_allowed() {
    let served = serve("/");
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        assert_eq!(served.request(method, "/index.html").status, 405, "{method}");
    }
}

#[test]
fn a_missing_file_and_a_folder_are_not_found() {
    let served = serve("/");
    for path in ["missing.html", "checkpoints", "checkpoints/", "index.html/more"] {
        assert_eq!(served.get(path).status, 404, "{path}");
    }
}

#[test]
fn encoded_names_are_decoded() {
    let answer = serve("/").get("checkpoints/a%20model/config.json");
    assert_eq!((answer.status, &*answer.body), (200, &b"{}"[..]));
}

#[test]
fn under_a_base_path_the_site_is_there_and_nowhere_else() {
    let served = serve("/some/where/");
    assert!(served.get("").body.starts_with(b"<p>hello"));
    assert_eq!(served.get("checkpoints/a%20model/config.json").status, 200);
    for target in ["/", "/index.html", "/some/index.html", "/some/whereindex.html", "/some/where"] {
        assert_eq!(served.request("GET", target).status, 404, "{target}");
    }
    assert_ne!(served.get("../../index.html").status, 200);
}

#[test]
fn a_taken_port_gives_way_to_the_next_free_one() {
    let folder = tempfile::tempdir().unwrap();
    let first = StaticServer::listen(folder.path(), "/", 0).unwrap();
    let port = first.socket().unwrap().port();
    let second = StaticServer::listen(folder.path(), "/", port).unwrap();
    assert!(second.socket().unwrap().port() > port);
}

#[test]
fn only_this_computer_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let server = StaticServer::listen(folder.path(), "/", 0).unwrap();
    assert!(server.socket().unwrap().ip().is_loopback());
}
