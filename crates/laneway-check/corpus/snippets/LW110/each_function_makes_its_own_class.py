import abc
import time


class Parser(abc.ABC):
    @abc.abstractmethod
    def image(self, url): ...


class QuickParser(Parser):
    def image(self, url):
        return url


class SlowParser(Parser):
    def image(self, url):
        time.sleep(1)  # expect: LW110:error
        return url


class Tracker(abc.ABC):
    @abc.abstractmethod
    def parser(self) -> Parser: ...


class QuickTracker(Tracker):
    def parser(self) -> Parser:
        return QuickParser()


class SlowTracker(Tracker):
    def parser(self) -> Parser:
        return SlowParser()


def parse(url, parser: Parser):
    return parser.image(url)


def parse_all(urls, tracker: Tracker):
    parser = tracker.parser()
    return [parse(url, parser) for url in urls]


async def quick(urls):
    return parse_all(urls, QuickTracker())


def slowly(urls):
    return parse_all(urls, SlowTracker())


async def slow(urls):
    return slowly(urls)
