//! A Rust program with a logger of its own: the crate leaves the `log` crate alone. A program of
//! its own, since a process has one logger.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use log::{Level, LevelFilter, Log, Metadata, Record};
use rogue_memory_bridge::bus::{Emulate, Slave};
use rogue_memory_bridge::endpoint::{serve, ClientOptions, ServerOptions, TcpClient, TcpServer};

/// Keeps all records.
struct Keeping(Mutex<Vec<(Level, String, String)>>);

static KEEPING: Keeping = Keeping(Mutex::new(Vec::new()));

impl Log for Keeping {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let (target, text) = (record.target().to_owned(), record.args().to_string());
        self.0.lock().unwrap().push((record.level(), target, text));
    }

    fn flush(&self) {}
}

/// A server and a client that is connected to it, until it returns.
fn use_the_bridge() -> u16 {
    let server = Arc::new(TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap());
    let memory = Arc::new(Emulate::new(1, 0));
    let slave = move || Arc::clone(&memory) as Arc<dyn Slave>;
    let mut thread = serve(Arc::clone(&server), slave).unwrap();
    let port = server.port();
    let client = TcpClient::new("127.0.0.1", port, ClientOptions::default()).unwrap();
    let patience = Duration::from_secs(20);
    client
        .wait_ready(patience, Duration::from_millis(50))
        .unwrap();
    client.stop();
    server.stop();
    thread.join();
    port
}

#[test]
fn a_program_may_install_its_own_logger_after_it_has_used_the_bridge() {
    use_the_bridge();
    // What is logged by way of the crate installs none either.
    rogue_memory_bridge::log::submit("test", rogue_memory_bridge::log::ERROR, "to nobody");
    rogue_memory_bridge::log::set_level(rogue_memory_bridge::log::DEBUG);
    assert!(!rogue_memory_bridge::log::enabled(
        "test",
        rogue_memory_bridge::log::ERROR
    ));
    assert_eq!(log::max_level(), LevelFilter::Off);

    // As `env_logger::init()` does, which panics when there is a logger.
    log::set_logger(&KEEPING).expect("the crate has installed a logger");
    log::set_max_level(LevelFilter::Info);
    let port = use_the_bridge();
    let kept = std::mem::take(&mut *KEEPING.0.lock().unwrap());
    let expected = format!("pyrogue.memory.TcpServer.127.0.0.1.{port}");
    assert!(
        kept.iter()
            .any(|(level, target, _)| (*level, target) == (Level::Info, &expected)),
        "{kept:?}"
    );

    // A program that also uses the C interface keeps its logger and its level.
    rogue_memory_bridge::log::init();
    rogue_memory_bridge::log::set_level(rogue_memory_bridge::log::DEBUG);
    assert_eq!(log::max_level(), LevelFilter::Info);
    rogue_memory_bridge::log::submit("test", rogue_memory_bridge::log::WARNING, "as well");
    rogue_memory_bridge::log::submit("test", rogue_memory_bridge::log::DEBUG, "too low");
    let kept = std::mem::take(&mut *KEEPING.0.lock().unwrap());
    let row = (Level::Warn, "pyrogue.test".to_owned(), "as well".to_owned());
    assert_eq!(kept, [row]);
}
