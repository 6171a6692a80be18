from django.core.mail import send_mail


def _send(user, subject):
    return send_mail(subject, "Please return it.", None, [user.email])  # expect: LW110:error


def remind(user):
    return _send(user, "Overdue")


def remind_later(user):
    return _send(user, "Soon")
