use super::*;

const SITE: &str = ".venv/lib/python3.13/site-packages";

fn stack(frames: &[&str]) -> String {
    frames.join("\n").replace("SITE", SITE).replace("STD", "/usr/lib/python3.13")
}

fn twin(frames: &[&str]) -> Option<&'static str> {
    match blamed(&stack(frames)) {
        Blamed::Library(entry) => Some(entry.twin),
        Blamed::OwnCode | Blamed::Unknown => None,
    }
}

#[test]
fn names_are_unique_and_have_a_twin() {
    for (at, entry) in BLOCKING.iter().enumerate() {
        assert!(!entry.twin.is_empty() && !is_async(entry.name), "{entry:?}");
        assert!(BLOCKING[..at].iter().all(|other| other.name != entry.name), "{entry:?}");
    }
    assert!(THREAD_UNSAFE.is_sorted());
}

/// Each entry is found by its own name, by one below it, and, if it leaves frames, in a stack.
#[test]
fn every_entry_is_found_in_each_form() {
    for entry in &BLOCKING {
        for name in [entry.name.to_owned(), format!("{}.below", entry.name)] {
            assert_eq!(blocking(&name), Some(entry), "{name}");
        }
        let longer = format!("{}x", entry.name);
        assert_ne!(blocking(&longer), Some(entry), "{longer}");
        if entry.waits_in == WaitsIn::Python {
            let (module, function) = entry.name.rsplit_once('.').unwrap_or((entry.name, "call"));
            let file = module.replace('.', "/");
            let frame = format!("SITE/{file}.py:7 {function}");
            let seen = stack(&["shop/tasks.py:9 fetch", &frame]);
            assert_eq!(blamed(&seen), Blamed::Library(entry), "{seen}");
        }
    }
    for entry in THREAD_UNSAFE {
        assert_eq!(unsafe_in_threads([entry]), Some(entry));
        assert_eq!(unsafe_in_threads([format!("{entry}.below").as_str()]), Some(entry));
    }
}

#[test]
fn the_library_that_the_program_called_is_blamed_and_not_what_that_calls() {
    let own = "shop/tasks.py:9 fetch";
    let inner = ["SITE/urllib3/connection.py:571 getresponse", "STD/http/client.py:1450 begin"];
    let requests = "SITE/requests/api.py:73 get";
    assert_eq!(twin(&[own, requests, inner[0], inner[1]]), Some("httpx.AsyncClient"));
    let boto = ["SITE/boto3/s3/inject.py:145 upload", "SITE/botocore/client.py:569 _api_call"];
    assert_eq!(twin(&[own, boto[0], boto[1], inner[0], inner[1]]), Some("aioboto3"));
    assert_eq!(twin(&[own, boto[1], inner[0]]), Some("aiobotocore"));
    assert_eq!(twin(&["STD/subprocess.py:548 run", own]), None, "it called the program");
}

#[test]
fn a_stack_that_lost_its_outer_frames_still_tells() {
    let torn = "kages/requests/sessions.py:703 send";
    assert_eq!(
        twin(&[torn, "SITE/urllib3/connectionpool.py:787 urlopen"]),
        Some("httpx.AsyncClient")
    );
}

#[test]
fn what_is_async_already_or_not_known_is_not_blamed() {
    let own = "shop/tasks.py:9 fetch";
    for frames in [
        vec![
            own,
            "SITE/redis/asyncio/client.py:677 execute_command",
            "STD/socket.py:5 getaddrinfo",
        ],
        vec![own, "SITE/httpx/_client.py:1402 AsyncClient.__init__", "STD/ssl.py:713 wrap"],
        vec![own, "SITE/rarely_seen/core.py:1 wait"],
        vec![own, "SITE/psycopg/cursor_async.py:1 execute"],
    ] {
        assert_eq!(blamed(&stack(&frames)), Blamed::Unknown, "{frames:?}");
    }
    assert_eq!(blamed(""), Blamed::Unknown);
    assert_eq!(blamed("shop/tasks.py:9 fetch"), Blamed::OwnCode);
}

#[test]
fn names_in_the_code_tell_only_when_they_agree() {
    let twin = |names: &[&str], waits_in| only_twin(names.iter().copied(), waits_in);
    assert_eq!(twin(&["requests.get", "urllib3.util"], None), Some("httpx.AsyncClient"));
    assert_eq!(twin(&["requests.get", "time.sleep"], None), None);
    assert_eq!(twin(&["requests.get", "time.sleep"], Some(WaitsIn::Native)), Some("asyncio.sleep"));
    assert_eq!(twin(&["_sqlite3.connect"], None), Some("aiosqlite"));
    assert_eq!(twin(&["redis.asyncio.Redis", "json.loads"], None), None);
}
