import time


def wait_for_port(is_open):
    while not is_open():
        time.sleep(0.1)


if __name__ == "__main__":
    wait_for_port(lambda: True)
