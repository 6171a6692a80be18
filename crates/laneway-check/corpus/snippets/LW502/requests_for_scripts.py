import requests


def page(url):
    return requests.get(url).text


def send(url, body):
    return requests.post(url, json=body).status_code
