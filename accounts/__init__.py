"""Who is who: users, students, teachers, roles, sections, enrolment."""
