import anthropic


class Bot:
    def __init__(self):
        self.client = anthropic.Anthropic()

    async def answer(self, text):
        messages = self.client.messages
        return messages.create(model="m", max_tokens=9, messages=[text])  # expect: LW105
