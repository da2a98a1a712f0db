//! Client and server in one process, over loopback.

use std::sync::Arc;
use std::time::Duration;

use rogue_memory_bridge::bus::{Emulate, Master, Memory, Slave, READ, WRITE};
use rogue_memory_bridge::endpoint::{serve, ClientOptions, ServerOptions, TcpClient, TcpServer};

#[test]
fn write_and_read_back() {
    let server = Arc::new(TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap());
    let memory: Arc<dyn Slave> = Arc::new(Emulate::new(1, 0));
    let mut thread = serve(Arc::clone(&server), move || Arc::clone(&memory)).unwrap();
    let client =
        Arc::new(TcpClient::new("127.0.0.1", server.port(), ClientOptions::default()).unwrap());
    let master = Master::new();
    master.set_slave(client.clone());
    let id = master.request(0x1000, Memory::owned(vec![1, 2, 3, 4]), WRITE);
    master.wait(id).unwrap();
    for _ in 0..1000 {
        let id = master.request(0x1000, Memory::owned(vec![0; 4]), READ);
        master.wait(id).unwrap();
    }
    assert!(client.wait_ready(Duration::from_secs(5), Duration::from_millis(100)));
    client.stop();
    server.stop();
    thread.join();
}
