from openai import OpenAI

client = OpenAI()


async def answer(question):
    completion = client.chat.completions.create(  # expect: LW105
        model="m", messages=[{"role": "user", "content": question}]
    )
    return completion.choices[0].message.content
