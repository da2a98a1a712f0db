//! What README.md shows in Rust is what a page shows whose programs are compiled.

/// The blocks of `text` whose language begins with `rust`.
fn blocks(text: &str) -> Vec<&str> {
    text.split("\n```")
        .filter_map(|block| block.strip_prefix("rust"))
        .filter_map(|block| block.split_once('\n'))
        .map(|(_, program)| program)
        .collect()
}

#[test]
fn the_program_of_the_readme_is_one_that_is_compiled() {
    let compiled = blocks(include_str!("../../../docs/rust-api.md"));
    let shown = blocks(include_str!("../../../README.md"));
    assert!(!shown.is_empty());
    for program in shown {
        assert!(compiled.contains(&program), "{program}");
    }
}

#[test]
fn everything_may_go_to_another_thread() {
    use rogue_memory_bridge::*;
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>(_: T) {}
    shared::<TcpClient>();
    shared::<TcpServer>();
    shared::<Serving>();
    shared::<Timed<'_>>();
    shared::<Master>();
    shared::<Hub>();
    shared::<Emulate>();
    shared::<SlaveBase>();
    shared::<Transaction>();
    shared::<DataLock>();
    shared::<Error>();
    // What is in a `Result` is printed by `unwrap_err`.
    fn printed<T: std::fmt::Debug>() {}
    printed::<(TcpClient, TcpServer, Serving, Timed<'_>)>();
    printed::<(Master, Hub, Emulate, Transaction, DataLock)>();
    // So may futures, while they wait.
    let client = crate::common::client(crate::common::free_port());
    sent(client.read_async(0, 4));
    sent(client.write_async(0, vec![1]));
    sent(client.with_timeout(crate::common::SOON).read_u32_async(0));
    sent(crate::common::server().next_async());
}
