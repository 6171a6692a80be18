import http.client


async def head(host):
    connection = http.client.HTTPSConnection(host)
    connection.request("HEAD", "/")  # expect: LW102
    return connection.getresponse()  # expect: LW102
