from sqlalchemy import select
from sqlalchemy.orm import Session


async def names(session: Session, table):
    rows = session.execute(select(table))  # expect: LW105
    session.commit()  # expect: LW105
    return list(rows)
