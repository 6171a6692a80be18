from openai import AsyncOpenAI

client = AsyncOpenAI()


async def answer(question):
    completion = await client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": question}]
    )
    return completion.choices[0].message.content
