use std::io::Read;
use std::io::Write;

use laneway_core::id::JobId;
use laneway_core::job::{Lane, Payload, QueueName};

use super::*;
use crate::protocol::StopReason;

fn pair() -> (Line, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    (Line::new(near, far.try_clone().unwrap()).unwrap(), far)
}

fn order(attempt: u64, bytes: usize) -> Run {
    Run {
        attempt,
        task: 0,
        lane: Lane::Async,
        job: JobId::from_bits(u128::from(attempt)),
        queue: QueueName::default_queue(),
        number: 1,
        args: Payload(vec![7; bytes]),
    }
}

fn numbers(runs: &[Run]) -> Vec<u64> {
    runs.iter().map(|run| run.attempt).collect()
}

/// Reads everything that has come, and is nothing but whole messages.
fn everything(far: &mut UnixStream, already: &[u8]) -> Vec<ToRunner> {
    let mut frames = FrameReader::default();
    frames.extend(already);
    far.set_nonblocking(true).unwrap();
    let mut buffer = vec![0; 1 << 20];
    while let Ok(count) = far.read(&mut buffer) {
        frames.extend(&buffer[..count]);
    }
    let mut messages = Vec::new();
    while let Some(message) = frames.next_message().unwrap() {
        messages.push(message);
    }
    assert_eq!(frames.pending_bytes(), 0);
    messages
}

#[tokio::test]
async fn jobs_that_were_not_read_come_back_and_everything_else_stays() {
    let (line, mut far) = pair();
    let stop = ToRunner::Stop { attempt: 1, reason: StopReason::Cancel };
    line.queue(&ToRunner::Run(vec![order(1, 10), order(2, 10)])).unwrap();
    line.queue(&stop).unwrap();
    line.queue(&ToRunner::Run(vec![order(3, 10)])).unwrap();
    line.queue(&ToRunner::Ping(5)).unwrap();
    line.flush();
    assert_eq!(numbers(&line.take_back().unwrap()), [1, 2, 3]);
    assert_eq!(everything(&mut far, &[]), [stop, ToRunner::Ping(5)]);
    assert!(line.take_back().unwrap().is_empty());
}

/// Wherever the runner has stopped reading, it sees nothing but whole frames, and each job is
/// either with it or taken back.
#[tokio::test]
async fn a_frame_that_was_read_in_part_is_completed() {
    let (mut whole, mut length) = (Vec::new(), 0);
    for attempt in 1..=3 {
        append_frame(&mut whole, &ToRunner::Run(vec![order(attempt, 20)])).unwrap();
        length = length.max(whole.len());
    }
    for cut in 0..=length {
        let (line, mut far) = pair();
        for attempt in 1..=3 {
            line.queue(&ToRunner::Run(vec![order(attempt, 20)])).unwrap();
        }
        line.flush();
        let mut read = vec![0; cut];
        far.read_exact(&mut read).unwrap();
        let mut seen = numbers(&line.take_back().unwrap());
        line.queue(&ToRunner::Run(vec![order(4, 5)])).unwrap();
        line.flush();
        for message in everything(&mut far, &read) {
            let ToRunner::Run(runs) = message else { panic!("{message:?}") };
            seen.extend(numbers(&runs));
        }
        seen.sort_unstable();
        assert_eq!(seen, [1, 2, 3, 4], "cut at {cut}");
    }
}

#[tokio::test]
async fn what_the_socket_does_not_take_is_sent_later_or_taken_back() {
    let (line, mut far) = pair();
    for attempt in 1..=100 {
        line.queue(&ToRunner::Run(vec![order(attempt, 16 << 10)])).unwrap();
    }
    line.flush();
    let unsent = line.outbox().unsent.len();
    assert!(unsent > 0);
    let mut first = vec![0; 40 << 10];
    far.read_exact(&mut first).unwrap();
    let taken = numbers(&line.take_back().unwrap());
    assert_eq!(taken, (4..=100).collect::<Vec<_>>());
    assert_eq!(everything(&mut far, &first).len(), 3);
}

#[tokio::test]
async fn a_full_socket_is_emptied_by_its_reader_in_the_background() {
    let (line, mut far) = pair();
    for attempt in 1..=100 {
        line.queue(&ToRunner::Run(vec![order(attempt, 16 << 10)])).unwrap();
    }
    line.flush();
    let reader = tokio::task::spawn_blocking(move || {
        let mut frames = FrameReader::default();
        let (mut seen, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
        while seen.len() < 100 {
            let count = far.read(&mut buffer).unwrap();
            frames.extend(&buffer[..count]);
            while let Some(ToRunner::Run(runs)) = frames.next_message().unwrap() {
                seen.extend(numbers(&runs));
            }
        }
        seen
    });
    line.is_stuck.notified().await;
    while !line.unstick().await {}
    assert_eq!(reader.await.unwrap(), (1..=100).collect::<Vec<_>>());
}

#[tokio::test]
async fn many_frames_that_were_read_are_forgotten() {
    let (line, mut far) = pair();
    let mut buffer = vec![0; 1 << 16];
    for number in 0..10_000 {
        line.queue(&ToRunner::Ping(number)).unwrap();
        line.flush();
        assert!(far.read(&mut buffer).unwrap() > 0);
        assert!(line.outbox().ends.len() <= ENDS_MAX);
    }
    line.queue(&ToRunner::Run(vec![order(1, 1)])).unwrap();
    assert_eq!(numbers(&line.take_back().unwrap()), [1]);
}

#[tokio::test]
async fn a_runner_that_is_gone_is_no_error_of_writing() {
    let (line, far) = pair();
    drop(far);
    rustix::net::shutdown(&line.far_end, rustix::net::Shutdown::Both).unwrap();
    line.queue(&ToRunner::Drain).unwrap();
    line.flush();
    assert!(line.outbox().unsent.is_empty());
    assert!((&line.far_end).write_all(b"x").is_err());
}
