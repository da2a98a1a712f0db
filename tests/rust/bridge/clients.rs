//! Many clients on one server.

use std::time::Duration;

use rogue_memory_bridge::bus::READ;
use rogue_memory_bridge::endpoint::ServerOptions;
use rogue_memory_bridge::error::ErrorKind;

use crate::common::{pattern, Asking, Keeper, Served};

#[test]
fn row_3_each_client_gets_its_own_responses() {
    let served = Served::memory();
    std::thread::scope(|scope| {
        for client in 0..12u64 {
            let port = served.port();
            scope.spawn(move || {
                let asking = Asking::new(port);
                for turn in 0..200u32 {
                    let data = pattern(16, turn + 10_000 * client as u32);
                    asking.write(client << 20, &data).unwrap();
                    assert_eq!(asking.read(client << 20, 16).unwrap(), data);
                }
            });
        }
    });
}

#[test]
fn row_3_clients_have_fair_turns() {
    let keeper = Keeper::new();
    let options = ServerOptions::default().with_max_outstanding(1);
    let served = Served::with(keeper.clone(), 0, options);
    let (greedy, modest) = (
        Asking::new(served.port()).ready(),
        Asking::new(served.port()).ready(),
    );
    let mut words = vec![[0u8; 4]; 300];
    for word in &mut words {
        greedy.ask(1, word, READ);
    }
    // The greedy one's are waiting already.
    keeper.take(1)[0].done();
    let mut word = [0; 4];
    modest.ask(2, &mut word, READ);
    let mut before = 0;
    loop {
        let next = keeper.take(1).remove(0);
        next.done();
        if next.address() == 2 {
            break;
        }
        before += 1;
        assert!(
            before < 100,
            "the modest client waits for {before} turns of the greedy one"
        );
    }
    modest.master.wait(0).unwrap();
    for _ in before + 1..words.len() as i32 {
        let mut next = keeper.take(1);
        next.remove(0).done();
    }
    greedy.master.wait(0).unwrap();
}

#[test]
fn row_21_connections_over_the_limit_are_closed_and_the_rest_served() {
    let options = ServerOptions::default()
        .with_max_connections(4)
        .with_max_clients_per_address(4);
    let served = Served::with(
        std::sync::Arc::new(rogue_memory_bridge::bus::Emulate::new(1, 0)),
        0,
        options,
    );
    let (first, second) = (
        Asking::new(served.port()).ready(),
        Asking::new(served.port()).ready(),
    );
    let third = Asking::new(served.port());
    third.master.set_timeout(Duration::from_millis(400));
    let error = third.read(0, 4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    first.write(0, &[1]).unwrap();
    assert_eq!(second.read(0, 1).unwrap(), [1]);
    // One goes: there is room.
    drop(first);
    third.master.set_timeout(crate::common::PATIENCE);
    assert_eq!(third.read(0, 1).unwrap(), [1]);
}
