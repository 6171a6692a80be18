from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

Session = sessionmaker(create_engine("sqlite://"))


async def save(row):
    with Session() as session:
        session.add(row)
        session.commit()  # expect: LW105
