//! Names of which nothing need be known: what is not in the knowledge base does not block.

/// The modules of Python itself: those of their functions that block are in the knowledge base.
#[rustfmt::skip]
const STANDARD: &[&str] = &[
    "__future__", "abc", "aifc", "annotationlib", "antigravity", "argparse", "array", "ast",
    "asynchat", "asyncio", "asyncore", "atexit", "audioop", "base64", "bdb", "binascii", "bisect",
    "builtins", "bz2", "cProfile", "calendar", "cgi", "cgitb", "chunk", "cmath", "cmd", "code",
    "codecs", "codeop", "collections", "colorsys", "compileall", "compression", "concurrent",
    "configparser", "contextlib", "contextvars", "copy", "copyreg", "crypt", "csv", "ctypes",
    "curses", "dataclasses", "datetime", "dbm", "decimal", "difflib", "dis", "distutils",
    "doctest", "email", "encodings", "ensurepip", "enum", "errno", "faulthandler", "fcntl",
    "filecmp", "fileinput", "fnmatch", "fractions", "ftplib", "functools", "gc", "genericpath",
    "getopt", "getpass", "gettext", "glob", "graphlib", "grp", "gzip", "hashlib", "heapq", "hmac",
    "html", "http", "idlelib", "imaplib", "imghdr", "imp", "importlib", "inspect", "io",
    "ipaddress", "itertools", "json", "keyword", "lib2to3", "linecache", "locale", "logging",
    "lzma", "mailbox", "mailcap", "marshal", "math", "mimetypes", "mmap", "modulefinder",
    "msilib", "msvcrt", "multiprocessing", "netrc", "nis", "nntplib", "nt", "ntpath",
    "nturl2path", "numbers", "opcode", "operator", "optparse", "os", "ossaudiodev", "pathlib",
    "pdb", "pickle", "pickletools", "pipes", "pkgutil", "platform", "plistlib", "poplib", "posix",
    "posixpath", "pprint", "profile", "pstats", "pty", "pwd", "py_compile", "pyclbr", "pydoc",
    "pydoc_data", "pyexpat", "queue", "quopri", "random", "re", "readline", "reprlib", "resource",
    "rlcompleter", "runpy", "sched", "secrets", "select", "selectors", "shelve", "shlex",
    "shutil", "signal", "site", "smtpd", "smtplib", "sndhdr", "socket", "socketserver", "spwd",
    "sqlite3", "sre_compile", "sre_constants", "sre_parse", "ssl", "stat", "statistics", "string",
    "stringprep", "struct", "subprocess", "sunau", "symtable", "sys", "sysconfig", "syslog",
    "tabnanny", "tarfile", "telnetlib", "tempfile", "termios", "textwrap", "this", "threading",
    "time", "timeit", "tkinter", "token", "tokenize", "tomllib", "trace", "traceback",
    "tracemalloc", "tty", "turtle", "turtledemo", "types", "typing", "typing_extensions",
    "unicodedata", "unittest", "urllib", "uu", "uuid", "venv", "warnings", "wave", "weakref",
    "webbrowser", "winreg", "winsound", "wsgiref", "xdrlib", "xml", "xmlrpc", "zipapp", "zipfile",
    "zipimport", "zlib", "zoneinfo",
];

/// Methods that only plain data has, in nearly all programs.
#[rustfmt::skip]
const OF_DATA: &[&str] = &[
    "append", "appendleft", "as_posix", "capitalize", "casefold", "decode", "difference",
    "discard", "encode", "endswith", "extend", "fromkeys", "hex", "intersection", "is_integer",
    "isalnum", "isalpha", "isdigit", "isdisjoint", "isidentifier", "islower", "isnumeric",
    "isoformat", "isspace", "issubset", "issuperset", "isupper", "items", "keys", "ljust",
    "lower", "lstrip", "model_copy", "model_dump", "model_dump_json", "partition", "popitem",
    "popleft", "removeprefix", "removesuffix", "rfind", "rindex", "rjust", "rpartition",
    "rsplit", "rstrip", "setdefault", "split", "splitlines", "startswith", "strftime", "strip",
    "swapcase", "timestamp", "title", "total_seconds", "translate", "tzinfo", "upper", "utcoffset",
    "values", "zfill",
];

/// Annotations of plain data, and of what says as much as none.
#[rustfmt::skip]
const DATA: &[&str] = &[
    "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list",
    "memoryview", "None", "object", "range", "set", "slice", "str", "tuple",
];

/// Generic annotations that stand for what is in them.
#[rustfmt::skip]
const TRANSPARENT: &[&str] = &[
    "Annotated", "ClassVar", "Final", "NotRequired", "Optional", "ReadOnly", "Required", "Union",
];

/// Calls that take a coroutine: what makes it does not run yet.
#[rustfmt::skip]
const TAKES_COROUTINE: &[&str] = &[
    "as_completed", "create_task", "ensure_future", "gather", "run_coroutine_threadsafe",
    "shield", "start_soon", "wait", "wait_for",
];

pub(super) fn is_standard(root: &str) -> bool {
    STANDARD.contains(&root)
}

pub(super) fn is_method_of_data(name: &str) -> bool {
    OF_DATA.contains(&name) || name.starts_with("__")
}

pub(super) fn is_data(annotation: &str) -> bool {
    DATA.contains(&annotation)
}

pub(super) fn is_transparent(generic: &str) -> bool {
    TRANSPARENT.contains(&generic)
}

pub(super) fn takes_coroutine(name: &str) -> bool {
    TAKES_COROUTINE.contains(&name)
}
